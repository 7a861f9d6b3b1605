-- What of a flame graph's file is the same in all of them: the style and the script inside of the
-- SVG. The script holds no text of the traced program: names are in attributes and texts only.

local page = {}

page.style = [[
svg { font-family: monospace; font-size: 12px; }
.title { font-size: 17px; text-anchor: middle; }
.subtitle { fill: #666; text-anchor: middle; }
.button { fill: #06c; cursor: pointer; }
.frame { cursor: pointer; }
.frame text { pointer-events: none; }
.frame:hover rect { stroke: #000; stroke-width: 0.7; }
.above rect { opacity: 0.5; }
.found rect { fill: #e600e6; }
.hidden { display: none; }
]]

-- Frames know where they start and how wide they are in samples, so zooming is exact.
page.script = [[
(function () {
  "use strict";
  var svg = document.documentElement, data = svg.dataset;
  var left = +data.left, width = +data.width, total = +data.total, char = +data.char;
  var details = document.getElementById("details"), matched = document.getElementById("matched");
  var reset = document.getElementById("reset"), search = document.getElementById("search");
  var pattern = null, view = { start: 0, count: total };
  var frames = [].map.call(document.querySelectorAll(".frame"), function (g) {
    var rect = g.querySelector("rect"), title = g.querySelector("title").textContent;
    return { g: g, rect: rect, text: g.querySelector("text"), title: title, name: g.dataset.name,
      start: +g.dataset.start, count: +g.dataset.count, depth: +g.dataset.depth };
  });

  function label(frame, x, w) {
    var room = Math.floor((w - 6) / char), letters = Array.from(frame.name), text = "";
    if (room >= 3) {
      text = letters.length <= room ? frame.name : letters.slice(0, room - 2).join("") + "..";
    }
    if (!frame.text && text) {
      frame.text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      frame.text.setAttribute("y", +frame.rect.getAttribute("y") + 11);
      frame.g.appendChild(frame.text);
    }
    if (frame.text) {
      frame.text.textContent = text;
      frame.text.setAttribute("x", x + 3);
    }
  }

  function zoom(target) {
    view = target;
    var end = target.start + target.count;
    frames.forEach(function (frame) {
      var frame_end = frame.start + frame.count;
      var above = frame.depth < target.depth && frame.start <= target.start && frame_end >= end;
      var inside = frame.depth >= target.depth && frame.start >= target.start && frame_end <= end;
      frame.g.classList.toggle("hidden", !above && !inside);
      frame.g.classList.toggle("above", above);
      if (above || inside) {
        var x = above ? left : left + (frame.start - target.start) / target.count * width;
        var w = above ? width : frame.count / target.count * width;
        frame.rect.setAttribute("x", x);
        frame.rect.setAttribute("width", w);
        label(frame, x, w);
      }
    });
    reset.classList.toggle("hidden", target.depth === 0);
    count();
  }

  // What is found, each sample once: frames come outermost first.
  function count() {
    var sum = 0, done = [];
    frames.forEach(function (frame) {
      var found = pattern !== null && pattern.test(frame.name);
      frame.g.classList.toggle("found", found);
      var shown = frame.start >= view.start && frame.start + frame.count <= view.start + view.count;
      if (found && shown) { done.push(frame); }
    });
    done.sort(function (a, b) { return a.start - b.start || b.count - a.count; });
    var end = -1;
    done.forEach(function (frame) {
      if (frame.start >= end) { sum += frame.count; end = frame.start + frame.count; }
    });
    matched.textContent = pattern === null || !view.count ? ""
      : "Matched: " + (100 * sum / view.count).toFixed(2) + "%";
  }

  function ask() {
    if (pattern !== null) {
      pattern = null;
    } else {
      var wanted = prompt("Names to look for (a regular expression):");
      if (!wanted) { return; }
      try {
        pattern = new RegExp(wanted);
      } catch (error) {
        pattern = new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      }
    }
    search.textContent = pattern === null ? "Search" : "Reset search";
    count();
  }

  frames.forEach(function (frame) {
    frame.g.addEventListener("click", function () { zoom(frame); });
    frame.g.addEventListener("mouseover", function () { details.textContent = frame.title; });
    frame.g.addEventListener("mouseout", function () { details.textContent = ""; });
  });
  reset.addEventListener("click", function () { zoom(frames[0]); });
  search.addEventListener("click", ask);
  window.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { zoom(frames[0]); }
    if (event.key === "f" && event.ctrlKey) { event.preventDefault(); ask(); }
  });
  view = frames[0];
  search.classList.remove("hidden");
})();
]]

return page
