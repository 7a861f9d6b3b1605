/*
 * IS_ENABLED(CONFIG_X) and its like, in #if and in expressions. The CONFIG_ macros themselves are
 * defined as far as the program mentions them. An option that is on is defined as 1, which makes
 * the pasted name below a macro with a comma, and that moves a 1 into second place.
 */
#ifndef LBPF_KERNEL_CONFIG_H
#define LBPF_KERNEL_CONFIG_H

#define __LBPF_COMMA_IF_1                 0,
#define __LBPF_SECOND(first, second, ...) second
#define __LBPF_ON(...)                    __LBPF_SECOND(__VA_ARGS__)
#define __LBPF_PASTED(value)              __LBPF_ON(__LBPF_COMMA_IF_##value 1, 0)
#define __LBPF_EXPANDED(value)            __LBPF_PASTED(value)

#define IS_BUILTIN(option)   __LBPF_EXPANDED(option)
#define IS_MODULE(option)    __LBPF_EXPANDED(option##_MODULE)
#define IS_REACHABLE(option) IS_ENABLED(option)
#define IS_ENABLED(option)   (__LBPF_EXPANDED(option) || __LBPF_EXPANDED(option##_MODULE))

#endif
