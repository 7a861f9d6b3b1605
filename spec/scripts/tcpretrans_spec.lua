local build = require("spec.support.build")
local process = require("spec.support.process")
local tool = require("spec.support.tool")

-- Sends to a socket that drops what it gets, so that the sender probes for the loss of its tail.
local probing = [[
  #include <arpa/inet.h>
  #include <linux/filter.h>
  #include <netinet/tcp.h>
  #include <sys/socket.h>
  #include <unistd.h>
  int main(void)
  {
      struct sockaddr_in address = {.sin_family = AF_INET};
      struct sock_filter none = {BPF_RET | BPF_K, 0, 0, 0};
      struct sock_fprog filter = {1, &none};
      socklen_t size = sizeof address;
      int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
      char byte = 0;
      inet_aton("127.0.0.1", &address.sin_addr);
      bind(listener, (struct sockaddr *)&address, size);
      listen(listener, 1);
      getsockname(listener, (struct sockaddr *)&address, &size);
      connect(client, (struct sockaddr *)&address, size);
      int server = accept(listener, 0, 0);
      for (int i = 0; i < 5; i++)
          if (write(client, &byte, 1) + read(server, &byte, 1) + write(server, &byte, 1) +
                  read(client, &byte, 1) != 4)
              return 1;
      setsockopt(server, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
      if (write(client, &byte, 1) != 1)
          return 1;
      for (int i = 0; i < 6000; i++) {
          struct tcp_info info;
          size = sizeof info;
          if (!getsockopt(client, IPPROTO_TCP, TCP_INFO, &info, &size) && info.tcpi_total_retrans)
              return 0;
          usleep(10000);
      }
      return 1;
  }]]

describe("tcpretrans", function()
  it("shows each segment that is sent again, and probes for a lost tail", function()
    local _, go = tool.prepare(build.program("tcp_peers") .. " 4 5")
    local program = not tool.no_kprobes() and process.compile(probing)
    local again = tool.records("tcpretrans" .. (program and " --lossprobe" or ""), function()
      assert(go())
      if program then assert(os.execute(program)) end
    end)
    if program then os.remove(program) end
    again = tool.select(again, function(segment) return segment.remote == "127.0.0.1" end)
    local by_port, probes = {}, 0
    for _, segment in ipairs(again) do
      local list = by_port[segment.remote_port] or {}
      if segment.state == "SYN_SENT" then list[#list + 1] = segment end
      by_port[segment.remote_port] = #list > 0 and list or nil
      probes = probes + (segment.kind == "L" and 1 or 0)
    end
    local _, ours = next(by_port)
    assert.equal(5, #ours)
    for _, segment in ipairs(ours) do
      assert.equal(4, segment.ip)
      assert.equal("R", segment.kind)
      assert.is_true(segment.sequence > 0)
    end
    assert.equal(program ~= false, probes > 0)
  end)
end)
