-- Ways to write a read of the kernel's memory. Each must compile and pass the verifier of this
-- kernel; what the reads give is checked in reads_spec.lua, in a program whose memory is known.
local bpf <const> = require "bpf"

local declarations <const> = [[
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <net/inet_sock.h>
#include <net/sock.h>
BPF_HASH(counts, u32, u64);
BPF_HASH(by_pointer, struct sock *, u64);
BPF_HASH(kept, u32, struct sock *);
]]

-- {what it is, program, type if it is no kprobe}
local shapes <const> = {
  {"one member", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  return t->pid;
}
]]},
  {"scalar parameters", [[
int f(struct pt_regs *ctx, int a, u64 b) {
  return a + b;
}
]]},
  {"explicit read in a macro", [[
#define GET(to, p, m) bpf_probe_read(&to, sizeof to, &p->m)
int f(struct pt_regs *ctx, struct task_struct *t) {
  int pid = 0;
  GET(pid, t, pid);
  return pid;
}
]]},
  {"explicit read nested", [[
int f(struct pt_regs *ctx, struct sock *sk) {
  u16 fam = 0;
  bpf_probe_read_kernel(&fam, sizeof fam, &sk->__sk_common.skc_family);
  u16 p = 0;
  bpf_probe_read(&p, 2, &inet_sk(sk)->inet_sport);
  return fam + p;
}
]]},
  {"pointer as key", [[
int f(struct pt_regs *ctx, struct sock *sk) {
  u64 z = 0, *v;
  by_pointer.update(&sk, &z);
  v = by_pointer.lookup(&sk);
  by_pointer.delete(&sk);
  return v ? 1 : 0;
}
]]},
  {"printk of member", [[
int f(struct pt_regs *ctx, struct request *req) {
  bpf_trace_printk("%d %s\n", req->__data_len, "x");
  return 0;
}
]]},
  {"member twice", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  if (t->pid > 1) bpf_trace_printk("%d\n", t->pid);
  return t->pid;
}
]]},
  {"three levels into %s", [[
int f(struct pt_regs *ctx, struct file *file) {
  bpf_trace_printk("%s\n", file->f_path.dentry->d_name.name);
  return 0;
}
]]},
  {"deref of member", [[
int f(struct pt_regs *ctx, struct file *file) {
  return *(file->f_path.dentry->d_name.name);
}
]]},
  {"through helpers", [[
static struct sock *id(struct sock *s) {
  return s;
}
static u32 dst(struct sock *s) {
  return s->__sk_common.skc_daddr;
}
static struct sock *id2(struct sock *s) {
  return id(s);
}
int f(struct pt_regs *ctx, struct sock *sk) {
  return dst(id2(sk));
}
]]},
  {"stored in local struct", [[
struct box {
  struct sock *sk;
  struct sock **psk;
  int n;
};
int f(struct pt_regs *ctx, struct sock *sk) {
  struct box b = {};
  b.sk = sk;
  b.psk = &sk;
  struct box *pb = &b;
  return b.sk->__sk_common.skc_daddr + pb->sk->__sk_common.skc_family +
         (*pb->psk)->__sk_common.skc_num;
}
]]},
  {"unary operators", [[
int f(struct pt_regs *ctx, struct sock *sk) {
  if (!(sk->__sk_common.skc_net.net->ifindex & 1)) return 1;
  if (!((sk->__sk_common.skc_family))) return 2;
  return -sk->__sk_common.skc_num + ~sk->__sk_common.skc_family;
}
]]},
  {"pointer to pointer", [[
static int fam(struct sock **p) {
  return (*p)->__sk_common.skc_family;
}
static struct sock **ret(struct sock **p) {
  return p;
}
int f(struct pt_regs *ctx, struct sock *sk) {
  struct sock **a = &sk, ***b = &a;
  return fam(&sk) + (**b)->__sk_common.skc_num + fam(ret(a)) + fam(*b);
}
]]},
  {"member address deref", [[
int f(struct pt_regs *ctx, struct sock *sk) {
  struct sock_common *c = &sk->__sk_common;
  return (*c).skc_family + *(&sk->__sk_common.skc_num);
}
]]},
  {"cast in parentheses", [[
int f(struct pt_regs *ctx, struct sock *sk) {
  return ((struct inet_sock *)sk)->inet_sport + (((struct inet_sock *)(sk)))->inet_dport;
}
]]},
  {"map kept pointer other function", [[
int f2(struct pt_regs *ctx) {
  u32 k = 1;
  struct sock **p = kept.lookup(&k);
  if (!p) return 0;
  return (*p)->__sk_common.skc_family;
}
int f(struct pt_regs *ctx, struct sock *sk) {
  u32 k = 1;
  kept.update(&k, &sk);
  return 0;
}
]]},
  {"map kept indirect", [[
struct inner {
  struct sock *sk;
  u64 ts;
};
BPF_HASH(boxes, u32, struct inner);
int f(struct pt_regs *ctx, struct sock *sk) {
  u32 k = 1;
  struct inner i = {sk, 3};
  boxes.update(&k, &i);
  return 0;
}
int f2(struct pt_regs *ctx) {
  u32 k = 1;
  struct inner *p = boxes.lookup(&k), copy;
  if (!p) return 0;
  copy = *p;
  struct sock *s = p->sk;
  return s->__sk_common.skc_family + copy.sk->__sk_common.skc_num;
}
]]},
  {"current task", [[
int f(struct pt_regs *ctx) {
  struct task_struct *t = (struct task_struct *)bpf_get_current_task();
  return t->real_parent->pid + ((struct task_struct *)bpf_get_current_task())->tgid;
}
]]},
  {"context casts", [[
int f(struct pt_regs *ctx) {
  struct sock *sk = (struct sock *)PT_REGS_PARM1(ctx);
  char *s = (void *)ctx->di;
  return sk->__sk_common.skc_family + s[1] +
         ((struct sock *)PT_REGS_RC(ctx))->__sk_common.skc_num + ((char *)PT_REGS_RC(ctx))[2];
}
]]},
  {"returns", [[
static int a(struct sock *s) {
  if (s->__sk_common.skc_num) return s->__sk_common.skc_num;
  return s->__sk_common.skc_family;
}
static int *b(struct sock *s) {
  return (int *)&s->__sk_common.skc_daddr;
}
int f(struct pt_regs *ctx, struct sock *sk) {
  return a(sk) + *b(sk);
}
]]},
  {"address only", [[
static int take(struct sock_common *c) {
  return 2;
}
int f(struct pt_regs *ctx, struct sock *sk) {
  return take(&sk->__sk_common);
}
]]},
  {"arrays", [[
int f(struct pt_regs *ctx, struct sock *sk, struct task_struct *t, char *s, char **argv,
      struct dentry *d) {
  int i = bpf_get_smp_processor_id() & 3;
  char *p = t->comm;
  return t->comm[1] + t->comm[2] + (t->comm)[(3)] + t->comm[i] + *(t->comm + i) + s[4] +
         (*argv)[1] + argv[2][3] + *(&t->comm[1]) + d->d_name.name[i] + p[5];
}
]]},
  {"nested unions", [[
int f(struct pt_regs *ctx, struct sock *sk) {
  return sk->__sk_common.skc_v6_daddr.in6_u.u6_addr8[3] + sk->sk_v6_daddr.s6_addr32[1];
}
]]},
  {"bit fields", [[
int f(struct pt_regs *ctx, struct sock *sk, struct sk_buff *skb) {
  return sk->__sk_common.skc_reuse + sk->__sk_common.skc_ipv6only + skb->ip_summed +
         skb->pkt_type;
}
]]},
  {"kernel header inlines", [[
int f(struct pt_regs *ctx, struct sk_buff *skb) {
  return tcp_hdr(skb)->seq + ip_hdr(skb)->saddr;
}
]]},
  {"container_of", [[
int f(struct pt_regs *ctx, struct list_head *l) {
  struct task_struct *t = container_of(l, struct task_struct, tasks);
  return t->pid;
}
]]},
  {"jump table", [[
int f(struct pt_regs *ctx, int a) {
  switch (a) {
  case 0:
    return 11;
  case 1:
    return 7;
  case 2:
    return 13;
  case 3:
    return 5;
  case 4:
    return 99;
  case 5:
    return 1234;
  case 6:
    return 5;
  default:
    return 0;
  }
}
]]},
  {"READ_ONCE volatile", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  volatile struct task_struct *v = t;
  return READ_ONCE(t->pid) + v->tgid;
}
]]},
  {"through integers", [[
int f(struct pt_regs *ctx, u64 a) {
  u64 x = a & ~7ull;
  struct task_struct *t = (void *)x;
  u64 y = x ^ 1;
  struct task_struct *u = (void *)y;
  u64 z = a << 3;
  struct task_struct *w = (void *)(z >> 3);
  return t->pid + u->pid + w->pid;
}
]]},
  {"ternary", [[
int f(struct pt_regs *ctx, struct task_struct *t, struct task_struct *u, int n) {
  struct task_struct *w = n ? t : u;
  return (n > 3 ? t : u)->pid + w->tgid + (t->pid > u->pid ? t->pid : u->pid);
}
]]},
  {"128 bit", [[
int f(struct pt_regs *ctx, unsigned __int128 *p) {
  unsigned __int128 v = *p;
  return (int)(v >> 70) + (int)v;
}
]]},
  {"struct copy", [[
int f(struct pt_regs *ctx, struct sock *sk, struct dentry *d) {
  struct sock_common c = sk->__sk_common;
  struct qstr q = d->d_name;
  return c.skc_family + q.len;
}
]]},
  {"memcpy and memmove", [[
int f(struct pt_regs *ctx, struct task_struct *t, char *s) {
  char b[16], c[16];
  __builtin_memcpy(b, t->comm, 16);
  __builtin_memmove(c, s, 16);
  return b[3] + c[4];
}
]]},
  {"memcpy all parts", [[
struct ev {
  u32 pid;
  char comm[16];
};
BPF_PERF_OUTPUT(events);
int f(struct pt_regs *ctx, struct task_struct *t) {
  struct ev e = {};
  e.pid = t->pid;
  __builtin_memcpy(&e.comm, &t->comm, sizeof e.comm);
  events.perf_submit(ctx, &e, sizeof e);
  return 0;
}
]]},
  {"memcmp foreign", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  char n[8] = "bashbas";
  if (!__builtin_memcmp(t->comm, n, 8)) return 1;
  return !__builtin_memcmp(t->comm, "sh", 3);
}
]]},
  {"memcmp 16 const", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  char c[16];
  bpf_get_current_comm(c, 16);
  return !__builtin_memcmp(t->comm, c, 16);
}
]]},
  {"memcmp order foreign", [[
int f(struct pt_regs *ctx, struct task_struct *t, struct task_struct *u) {
  return __builtin_memcmp(t->comm, u->comm, 16) < 0;
}
]]},
  {"strncmp loop", [[
static inline bool eq(const char *a, const char *b, int n) {
  for (int i = 0; i < n; i++) {
    if (a[i] != b[i]) return false;
    if (!a[i]) break;
  }
  return true;
}
int f(struct pt_regs *ctx, struct task_struct *t) {
  if (eq(t->comm, "bash", 5)) return 1;
  char c[16];
  bpf_get_current_comm(c, 16);
  return eq(c, "sh", 3);
}
]]},
  {"loop over array", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  int n = 0;
  for (int i = 0; i < 16; i++) n += t->comm[i];
  return n;
}
]]},
  {"array of pointers", [[
int f(struct pt_regs *ctx, struct sock *a, struct sock *b) {
  struct sock *all[2] = {a, b};
  int n = 0;
  for (int i = 0; i < 2; i++) n += all[i]->__sk_common.skc_family;
  int k = bpf_get_smp_processor_id() & 1;
  return n;
}
]]},
  {"lookup with foreign key", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  u64 *v = counts.lookup((u32 *)&t->pid);
  return v ? *v : 0;
}
]]},
  {"update with foreign value", [[
BPF_HASH(st, u32, u64);
int f(struct pt_regs *ctx, struct task_struct *t) {
  u32 k = 1;
  st.update(&k, &t->start_time);
  u64 z = 0;
  counts.update((u32 *)&t->pid, &z);
  st.insert(&t->pid, &t->start_time);
  st.delete(&t->pid);
  return 0;
}
]]},
  {"submit foreign", [[
BPF_PERF_OUTPUT(events);
int f(struct pt_regs *ctx, struct task_struct *t) {
  return events.perf_submit(ctx, &t->comm, sizeof t->comm);
}
]]},
  {"ringbuf output foreign", [[
BPF_RINGBUF_OUTPUT(rb, 8);
int f(struct pt_regs *ctx, struct task_struct *t) {
  return rb.ringbuf_output(&t->comm, sizeof t->comm, 0);
}
]]},
  {"atomic on map", [[
int f(struct pt_regs *ctx) {
  u32 k = 1;
  u64 *v = counts.lookup(&k);
  if (v) {
    __sync_fetch_and_add(v, 1);
    lock_xadd(v, 2);
  }
  return 0;
}
]]},
  {"string literal", [[
int f(struct pt_regs *ctx, int n) {
  const char *s = "hello";
  const char t[] = "world";
  static const int tab[] = {1, 2, 3, 4};
  return s[n & 3] + t[n & 3] + tab[n & 3];
}
]]},
  {"map value pointer array", [[
struct v {
  char name[64];
  int n;
};
BPF_ARRAY(vals, struct v, 1);
int f(struct pt_regs *ctx, struct task_struct *t) {
  int z = 0;
  struct v *v = vals.lookup(&z);
  if (!v) return 0;
  __builtin_memcpy(v->name, t->comm, 16);
  v->n = t->pid;
  v->name[5] = t->comm[1];
  return v->n;
}
]]},
  {"union punning", [[
int f(struct pt_regs *ctx, struct sock *sk) {
  union {
    u32 a;
    u8 b[4];
  } u;
  u.a = sk->__sk_common.skc_daddr;
  return u.b[2];
}
]]},
  {"comparison", [[
int f(struct pt_regs *ctx, struct sock *a, struct sock *b) {
  if (a == b) return 1;
  if (a->__sk_common.skc_net.net == b->__sk_common.skc_net.net && a < b) return 2;
  while (a->sk_err) {
    return 3;
  }
  do {
  } while (0);
  for (int i = a->sk_err; i < 3; i++) return 4;
  return 0;
}
]]},
  {"compound", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  int n = 1;
  n += t->pid;
  n <<= t->tgid & 3;
  n ^= t->prio;
  return n ? t->pid : t->tgid, n;
}
]]},
  {"typeof sizeof", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  typeof(t->pid) p = t->pid;
  return p + sizeof(t->comm) + sizeof *t;
}
]]},
  {"read in call args", [[
static int add3(int a, int b, int c) {
  return a + b + c;
}
int f(struct pt_regs *ctx, struct task_struct *t) {
  return add3(t->pid, t->real_parent->pid, t->mm->map_count);
}
]]},
  {"statement expr", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  return ({
    struct task_struct *p = t->real_parent;
    p->pid;
  });
}
]]},
  {"hlist walk", [[
int f(struct pt_regs *ctx, struct hlist_head *h) {
  struct hlist_node *n = h->first;
  int c = 0;
  for (int i = 0; i < 20 && n; i++) {
    c++;
    n = n->next;
  }
  return c;
}
]]},
  {"goto", [[
int f(struct pt_regs *ctx, struct task_struct *t) {
  int i = 0;
again:
  t = t->real_parent;
  if (++i < 4 && t) goto again;
  return t ? t->pid : 0;
}
]]},
  {"noinline sub", [[
static __attribute__((noinline)) int sub(struct task_struct *t) {
  return t->pid + t->tgid;
}
int f(struct pt_regs *ctx, struct task_struct *t) {
  return sub(t) + sub(t->real_parent);
}
]]},
  {"noinline pp", [[
static __attribute__((noinline)) int sub(struct task_struct **t) {
  return (*t)->pid + (*t)->tgid;
}
int f(struct pt_regs *ctx, struct task_struct *t) {
  return sub(&t);
}
]]},
  {"sched_cls ctx", [[
int f(struct __sk_buff *skb) {
  void *d = (void *)(long)skb->data, *e = (void *)(long)skb->data_end;
  if (d + 14 > e) return 0;
  struct ethhdr *h = d;
  return h->h_proto + skb->len;
}
]], bpf.BPF.SCHED_CLS},
  {"local struct memcmp", [[
struct k {
  u64 a;
  u32 b;
  u32 c;
};
int f(struct pt_regs *ctx, struct task_struct *t) {
  struct k a = {1, t->pid, 0}, b = {1, t->tgid, 0};
  return __builtin_memcmp(&a, &b, sizeof a) == 0;
}
]]},
  {"negative offset", [[
int f(struct pt_regs *ctx, char *p) {
  return p[-4] + *(p - 8) + ((int *)p)[-3];
}
]]},
  {"function pointer member", [[
int f(struct pt_regs *ctx, struct file *file) {
  return file->f_op->read_iter == 0 ? 1 : file->f_op->llseek != 0;
}
]]},
  {"select mixed", [[
int f(struct pt_regs *ctx, struct task_struct *t, int n) {
  int z = 5;
  int *p = n ? &z : &t->pid;
  return *p;
}
]]},
  {"map or foreign", [[
int f(struct pt_regs *ctx, u64 *fp, int n) {
  u32 k = 1;
  u64 *v = counts.lookup(&k);
  if (!v) v = fp;
  return *v;
}
]]},
  {"current comm member", [[
struct d {
  char comm[16];
  u64 a;
};
BPF_PERF_OUTPUT(ev);
int f(struct pt_regs *ctx, struct file *f) {
  struct d d = {};
  bpf_get_current_comm(&d.comm, sizeof d.comm);
  struct d *p = &d;
  p->a = f->f_inode->i_ino;
  ev.perf_submit(ctx, p, sizeof *p);
  return 0;
}
]]},
  {"param struct array 2d", [[
struct m {
  int a[3][4];
  struct {
    int x;
    char y[5];
  } s[3];
};
int f(struct pt_regs *ctx, struct m *m, int i) {
  return m->a[1][2] + m->a[i & 1][i & 3] + m->s[2].y[3] + m->s[i & 1].x;
}
]]},
  {"enum and bool", [[
struct eb {
  bool b;
  enum { A, B } e;
  float *f;
};
int f(struct pt_regs *ctx, struct eb *p) {
  return p->b ? 1 : p->e == B;
}
]]},
  {"raw tp", [[
RAW_TRACEPOINT_PROBE(sched_switch) {
  struct task_struct *p = (void *)ctx->args[1], *n = (struct task_struct *)ctx->args[2];
  return p->pid + n->pid;
}
]], bpf.BPF.RAW_TRACEPOINT},
}

-- A guest without hardware help takes seconds for each: there, every fourth has to do.
local step <const> = os.getenv("LUABPF_SLOW") and 4 or 1

describe("a kernel read in", function()
  for i = 1, #shapes, step do
    local shape <const> = shapes[i]
    it(shape[1], function()
      local b <close> = bpf.BPF{text = declarations .. shape[2], auto_attach = false}
      local names <const> = b:functions()
      assert.is_true(#names > 0)
      for _, name in ipairs(names) do b:load_func(name, shape[3] or bpf.BPF.KPROBE) end
    end)
  end
end)
