-- Small programs in the ways that people write them, each with the number that it must find in the
-- memory of a traced process (support/target.c). Loaded, attached and run.
local bpf <const> = require "bpf"
local target <const> = require "spec.support.target"

local head <const> = target.types .. [[
BPF_ARRAY(out, s64, 1);
static void result(s64 value) { int slot = 0; out.update(&slot, &value); }
]]
local signature <const> = [[
int on_visit(struct pt_regs *ctx, struct node *node, int length, char *text, struct node *other,
             struct large *large) {
]]

-- what it is, before the program, the program's body, what result() gets
local programs <const> = {
  -- parameters
  {"a member", "", "result(node->value);", 30},
  {"a chain", "", "result(node->next->next->value);", 1000},
  {"the same member twice", "", "result(node->value + node->value);", 60},
  {"a member of a member's target", "", "struct node *n = *&node->next; result((*n).value);", 200},
  {"a helper's parameter", "static int get(struct node *n) { return n->next->value; }",
    "result(get(node));", 200},
  {"a helper of a helper",
    "static int in(struct node *n) { return n->value; }\n"
    .. "static int get(struct node **n) { return in((*n)->next); }",
    "result(get(&node));", 200},
  -- the context
  {"a cast register", "", "result(((struct node *)ctx->di)->value);", 30},
  {"a register by its macro", "",
    "struct node *n = (struct node *)PT_REGS_PARM4(ctx); result(n->array[3]);", 10},
  {"a register through an integer", "",
    "unsigned long at = PT_REGS_PARM1(ctx); result(((struct node *)(at + 8 - 8))->tiny);", -7},
  {"the registers as an array", "",
    "u64 *words = (u64 *)ctx; result(((struct node *)words[14])->value);", 30},
  -- assignment
  {"a pointer in a struct of the program's", "struct held { int a; struct node *n; };",
    "struct held held = {.n = node->next}; result(held.n->value);", 200},
  {"a pointer set by a callee",
    "static void find(struct node *n, struct node **to) { *to = n->next->next; }",
    "struct node *n = NULL; find(node, &n); result(n->value);", 1000},
  {"a double pointer", "", "struct node **at = &node->next; result((*at)->value);", 200},
  {"a pointer assigned on one of two ways", "",
    "struct node *n = node; if (length == 5) n = node->next; result(n->value);", 200},
  {"a ternary of foreign and own", "",
    "struct node mine = {.value = 9}; struct node *n = length > 5 ? &mine : node;"
    .. " result(n->value);", 30},
  {"a parenthesized cast", "", "result(((struct node *)(void *)(node))->next->tiny);", -3},
  {"a logical not", "", "result(!(node->next->value & 1) + !node->next->next->next);", 2},
  {"a condition", "", "if (node->next && node->next->value == 200) result(node->low);", 5},
  {"a loop over a list", "",
    "s64 sum = 0; for (int i = 0; node && i < 5; i++, node = node->next) sum += node->value;"
    .. " result(sum);", 1230},
  -- tables
  {"a pointer kept in a table", "BPF_HASH(kept, u32, struct node *);",
    "u32 k = 1; kept.update(&k, &node); struct node **n = kept.lookup(&k);"
    .. " if (n) result((*n)->value);", 30},
  {"a pointer in a kept struct", "struct held { u64 a; struct node *n; };\n"
    .. "BPF_HASH(kept, u32, struct held);",
    "u32 k = 1; struct held h = {.n = other}; kept.update(&k, &h);"
    .. " struct held *found = kept.lookup(&k); if (found) result(found->n->name[0]);",
    ("t"):byte()},
  {"a key behind a pointer", "BPF_HASH(counts, int, u64);",
    "counts.increment(node->value); u64 *n = counts.lookup(&node->value); result(n ? *n : -1);",
    1},
  {"a leaf behind a pointer", "BPF_HASH(values, u32, int);",
    "u32 k = 2; values.update(&k, &node->next->value); int *n = values.lookup(&k);"
    .. " result(n ? *n : -1);", 200},
  {"a leaf changed in place", "BPF_HASH(values, u32, struct node);",
    "u32 k = 2; struct node zero = {}, *n = values.lookup_or_try_init(&k, &zero);"
    .. " if (n) { n->value += node->value; n->value++; result(n->value); }", 31},
  -- helpers and returns
  {"the current task", "#include <linux/sched.h>",
    "struct task_struct *t = (void *)bpf_get_current_task();"
    .. " result(t->tgid == bpf_get_current_pid_tgid() >> 32);", 1},
  {"a returned pointer", "static struct node *second(struct node *n) { return n->next; }",
    "result(second(node)->value);", 200},
  {"one of several returns",
    "static struct node *at(struct node *n, int i) {\n"
    .. "  if (i == 1) return n;\n  if (i == 5) return n->next;\n  return NULL;\n}",
    "result(at(node, length)->value);", 200},
  {"a returned expression", "static long sum(struct node *n) { return n->value + n->tiny; }",
    "result(sum(node) + sum(node->next));", 220},
  -- arrays
  {"an element", "", "result(node->array[2]);", 33},
  {"an element by variable", "", "result(node->array[length & 3]);", 22},
  {"an element of a pointer", "", "result(text[1]);", ("e"):byte()},
  {"an element of a member's target", "", "result(node->text[2]);", ("e"):byte()},
  {"elements in a loop", "",
    "s64 sum = 0; for (int i = 0; i < 200; i++) sum += large->bytes[i]; result(sum);", 24356},
  {"the address of an element", "", "int *at = &node->array[1]; result(at[1] + at[2]);", 77},
  -- what is left alone
  {"an address alone", "", "result((long)&node->value - (long)node);", 8},
  {"an explicit read in a macro",
    "#define GET(to, p, m) bpf_probe_read_user(&to, sizeof(to), &(p)->m)",
    "int v = 0; GET(v, node, array[3]); result(v);", 44},
  {"an explicit string", "",
    "char s[8] = ''; const char *at = NULL; bpf_probe_read_user(&at, sizeof(at), &node->text);"
    .. " bpf_probe_read_user_str(s, sizeof(s), at); result(s[0] == 'o' && s[3] == 0);", 1},
  -- where BCC's rewriter has gaps
  {"a member in a macro", "#define NEXT(n) ((n)->next)", "result(NEXT(NEXT(node))->value);", 1000},
  {"a method in a macro", "BPF_HASH(counts, int, u64);\n#define COUNT(t, k) (t).increment(k)",
    "COUNT(counts, node->value); int k = 30; u64 *n = counts.lookup(&k); result(n ? *n : 0);", 1},
  {"bit fields", "", "result(node->low * 100 + node->next->high);", 511},
  {"anonymous members", "", "result(node->whole + node->next->half + node->deep.inside);", 65641},
  {"a struct copy", "", "struct node n = *node->next; result(n.value + n.array[0] + n.high);", 216},
  {"a memory copy", "",
    "char s[8]; __builtin_memcpy(s, node->next->name, 8); result(s[0] == 's' && s[5] == 'd');", 1},
  {"a memory comparison", "", "result(__builtin_memcmp(other->name, 'third', 6) == 0);", 1},
  {"container_of", "#include <linux/kernel.h>",
    "int *v = &node->next->value; result(container_of(v, struct node, value)->tiny);", -3},
  {"a switch", "",
    "switch (node->value) { case 30: result(other->low); break; default: result(-1); }", 7},
  {"a callback", "struct state { struct node *at; s64 sum; };\n"
    .. "static long add(u32 i, struct state *s) { s->sum += s->at->array[i & 3]; return 0; }",
    "struct state s = {.at = node}; bpf_loop(4, add, &s, 0); result(s.sum);", 110},
  {"a global", "static s64 total;", "total += node->value; total += other->value;"
    .. " result(total);", 1030},
  {"NULL on the way", "", "result(other->next->next->value + node->value);", 30},
}

-- A guest without hardware help takes seconds for each: there, every eighth has to do.
local step <const> = os.getenv("LUABPF_SLOW") and 8 or 1

describe("a program that reads", function()
  for i = 1, #programs, step do
    local title <const>, before <const>, body <const>, expected <const> = table.unpack(programs[i])

    it(title, function()
      local text <const> = table.concat{head, before, "\n", signature, "  ", body,
        "\n  return 0;\n}\n"}
      -- Words between ' are texts; single letters stay characters.
      local b <close> = bpf.BPF{auto_attach = false, text = text:gsub("'(%w*)'", function(word)
        if #word ~= 1 then return '"' .. word .. '"' end
      end)}
      b:attach_uprobe{name = target.path(), sym = "visit", fn_name = "on_visit"}
      target.run(1)
      assert.equal(expected, b.out[0])
    end)
  end
end)
