/* Included after the program. #define BPF_LICENSE Dual BSD/GPL in its text chooses the licence; the
 * plugin adds "GPL" when the text names none. */
#ifdef BPF_LICENSE
#define LBPF_STRING_(x) #x
#define LBPF_STRING(x)  LBPF_STRING_(x)
char _license[] SEC("license") = LBPF_STRING(BPF_LICENSE);
#endif
