struct inner {
  int value;
  char name[16];
};
struct outer {
  struct inner *inner;
  int first, second;
  int bits : 4;
  char text[32];
  long far[32];
};
struct event {
  int value;
  char name[16];
};
BPF_PERF_OUTPUT(events);

int one(struct pt_regs *ctx, struct outer *p) {
  return p->first; // probe_read
}

int neighbours(struct pt_regs *ctx, struct outer *p) {
  int sum = p->first; // probe_read
  sum += p->second;
  sum += p->bits;
  return sum + p->first;
}

int far_apart(struct pt_regs *ctx, struct outer *p) {
  long sum = p->first; // probe_read
  sum += p->far[20]; // probe_read
  return sum;
}

int chain(struct pt_regs *ctx, struct outer *p) {
  return p->inner->value; // probe_read probe_read
}

int condition(struct pt_regs *ctx, struct outer *p) {
  if (p->first > 3) // probe_read
    return p->far[1]; // probe_read
  return 0;
}

int between(struct pt_regs *ctx, struct outer *p) {
  int sum = p->first; // probe_read
  bpf_trace_printk("%d\n", sum); // trace_printk
  return sum + p->first; // probe_read
}

int into_event(struct pt_regs *ctx, struct outer *p) {
  struct event e = {};
  e.value = p->first; // probe_read
  __builtin_memcpy(e.name, p->text, sizeof e.name); // probe_read
  return events.perf_submit(ctx, &e, sizeof e); // cpu lookup ringbuf_output
}

int copy(struct pt_regs *ctx, struct outer *p) {
  struct inner all = *p->inner; // probe_read probe_read
  return events.perf_submit(ctx, &all, sizeof all); // cpu lookup ringbuf_output
}

int explicit_read(struct pt_regs *ctx, struct outer *p) {
  int value = 0;
  bpf_probe_read_kernel(&value, sizeof value, &p->first); // probe_read_kernel
  return value;
}

int direct(struct pt_regs *ctx) {
  static const char text[] = "constant";
  struct event e = {3, "name"}, *p = &e;
  return text[ctx->ip & 7] + p->name[ctx->ip & 3] + ctx->sp;
}

int repeated(struct pt_regs *ctx, struct outer *p) {
  volatile int *v = &p->first;
  return *v + *v; // probe_read probe_read
}

int task(struct pt_regs *ctx) {
  struct task_struct *t = (struct task_struct *)bpf_get_current_task(); // current_task
  return t->tgid; // probe_read
}
