struct object {
  u32 id;
};

int registers(struct pt_regs *ctx, int a, u64 b, char c, void *d, long e, short f) {
  return a + b + c + (long)d + e + f;
}

int syscall__openat(struct pt_regs *ctx, int fd, const char *name, int flags) {
  return fd + flags; // probe_read
}

int kretprobe__x(struct pt_regs *ctx) {
  struct object *o = (struct object *)PT_REGS_RC(ctx);
  return o->id; // probe_read
}
