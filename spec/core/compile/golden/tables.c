BPF_HASH(counts, u32, u64);
BPF_PERCPU_ARRAY(slots, u64, 4);
BPF_ARRAY(plain, u64, 4);
BPF_HISTOGRAM(powers);
BPF_STACK_TRACE(stacks, 64);
BPF_PROG_ARRAY(programs, 4);
BPF_RINGBUF_OUTPUT(ring, 4);

int increments(struct pt_regs *ctx) {
  counts.increment(1); // lookup update lookup
  plain.increment(1); // lookup
  slots.increment(1); // lookup
  powers.increment(bpf_log2l(8)); // lookup
  return 0;
}

int initializes(struct pt_regs *ctx) {
  u32 key = 1;
  u64 zero = 0, *value;
  value = counts.lookup_or_try_init(&key, &zero); // lookup update lookup
  return value ? *value : 0;
}

int stack(struct pt_regs *ctx) {
  return stacks.get_stackid(ctx, 0); // stackid
}

int calls(struct pt_regs *ctx) {
  programs.call(ctx, 1); // tail_call
  return 0;
}
