/* What the running kernel's types have: for scripts that choose their program by it. */
#ifndef LBPF_COMPILE_KERNEL_QUERY_H
#define LBPF_COMPILE_KERNEL_QUERY_H

/*
 * Whether a struct or union of the kernel or of a loaded module has the member, also through
 * members without a name. 1 or 0; -1 when there is no such type, or the kernel has no BTF.
 */
int lbpf_kernel_struct_has_field(const char *name, const char *field);

/* Whether an enum has the enumerator. name "" asks all enums without a name. 1, 0 or -1 as above.
 */
int lbpf_kernel_enum_has_value(const char *name, const char *enumerator);

#endif
