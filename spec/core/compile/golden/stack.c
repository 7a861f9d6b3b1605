int fits(struct pt_regs *ctx, char *text) {
  char copy[400];
  bpf_probe_read(copy, sizeof copy, text); // probe_read
  return copy[ctx->ip & 15];
}

int moves(struct pt_regs *ctx, char *text) {
  char copy[600];                          // lookup
  bpf_probe_read(copy, sizeof copy, text); // probe_read
  return copy[ctx->ip & 15];
}
