int none(struct pt_regs *ctx) {
  bpf_trace_printk("text\n"); // trace_printk
  return 0;
}

int three(struct pt_regs *ctx) {
  bpf_trace_printk("%d %d %s\n", 1, 2, "three"); // trace_printk
  return 0;
}

int four(struct pt_regs *ctx) {
  bpf_trace_printk("%d %d %d %d\n", 1, 2, 3, 4); // trace_vprintk
  return 0;
}
