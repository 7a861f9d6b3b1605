struct object {
  u32 id;
  u64 number;
  char name[16];
};
BPF_HASH(counts, u32, u64);
BPF_PERF_OUTPUT(events);
BPF_RINGBUF_OUTPUT(ring, 4);
BPF_QUEUE(queue, u64, 16);

int foreign_key(struct pt_regs *ctx, struct object *o) {
  return counts.lookup(&o->id) ? 1 : 0; // probe_read lookup
}

int foreign_value(struct pt_regs *ctx, struct object *o) {
  u32 key = 1;
  return counts.update(&key, &o->number); // probe_read update
}

int foreign_both(struct pt_regs *ctx, struct object *o) {
  counts.insert(&o->id, &o->number); // probe_read probe_read update
  return counts.delete(&o->id); // probe_read delete
}

int sent(struct pt_regs *ctx, struct object *o) {
  events.perf_submit(ctx, &o->name, sizeof o->name); // probe_read cpu lookup ringbuf_output
  return 0;
}

int pushed(struct pt_regs *ctx, struct object *o) {
  return queue.push(&o->number, 0); // probe_read push
}

int compared(struct pt_regs *ctx, struct object *o) {
  return __builtin_memcmp(o->name, "name", 5) == 0; // probe_read
}

int own(struct pt_regs *ctx) {
  u32 key = 1;
  u64 value = 2;
  counts.update(&key, &value); // update
  return counts.lookup(&key) ? 1 : 0; // lookup
}
