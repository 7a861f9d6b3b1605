/* Where packets go: devices, CPUs, XDP sockets, other sockets. */
#ifndef LBPF_MAPS_NETWORK_H
#define LBPF_MAPS_NETWORK_H

#define LBPF_REDIRECT_FUNCTION(name)                                                               \
    LBPF_INLINE int name##__redirect_map(int index, u64 flags)                                     \
    {                                                                                              \
        return bpf_redirect_map(&__lbpf_map_##name, index, flags);                                 \
    }
#define LBPF_KIND_redirect(name)                                                                   \
    LBPF_REDIRECT_FUNCTION(name)                                                                   \
    struct name##_redirect_methods {                                                               \
        int (*redirect_map)(int, u64);                                                             \
    }
#define LBPF_INIT_redirect(name) {name##__redirect_map}
#define BPF_DEVMAP(name, size)                                                                     \
    LBPF_DECLARE_MAP(name, LBPF_DEVMAP, int, int, size, 0);                                        \
    LBPF_KIND_redirect(name);                                                                      \
    LBPF_OBJECT(name, redirect)
#define BPF_CPUMAP(name, size)                                                                     \
    LBPF_DECLARE_MAP(name, LBPF_CPUMAP, int, u32, size, 0);                                        \
    LBPF_KIND_redirect(name);                                                                      \
    LBPF_OBJECT(name, redirect)

/* What lookup returns tells only whether a socket is there. */
#define LBPF_KIND_xsk(name)                                                                        \
    LBPF_INLINE int *name##__lookup_socket(const void *index)                                      \
    {                                                                                              \
        return bpf_map_lookup_elem(&__lbpf_map_##name, index);                                     \
    }                                                                                              \
    struct name##_xsk_methods {                                                                    \
        int *(*lookup)(const void *);                                                              \
        int (*redirect_map)(int, u64);                                                             \
    }
#define LBPF_INIT_xsk(name) {name##__lookup_socket, name##__redirect_map}
#define LBPF_XSKMAP_2(name, size)                                                                  \
    LBPF_DECLARE_MAP(name, LBPF_XSKMAP, int, int, size, 0);                                        \
    LBPF_REDIRECT_FUNCTION(name)                                                                   \
    LBPF_KIND_xsk(name);                                                                           \
    LBPF_OBJECT(name, xsk)
#define LBPF_XSKMAP_3(name, size, path)                                                            \
    LBPF_XSKMAP_2(name, size);                                                                     \
    LBPF_PIN(name, path)
/* BPF_XSKMAP(name, entries[, path to pin it at]) */
#define BPF_XSKMAP(...)                                                                            \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , , LBPF_XSKMAP_3, LBPF_XSKMAP_2, , )(__VA_ARGS__)

/* Sockets by index. The leaf of update is a socket that the program holds. */
#define LBPF_SOCKET_FUNCTIONS(name, K)                                                             \
    LBPF_INLINE int name##__update_socket(const typeof(K) *key, const void *socket)                \
    {                                                                                              \
        return bpf_map_update_elem(&__lbpf_map_##name, key, socket, LBPF_ANY);                     \
    }                                                                                              \
    LBPF_INLINE int name##__delete_socket(const typeof(K) *key)                                    \
    {                                                                                              \
        return bpf_map_delete_elem(&__lbpf_map_##name, key);                                       \
    }
#define LBPF_KIND_sockmap(name, K)                                                                 \
    LBPF_INLINE int name##__sock_map_update(void *context, const typeof(K) *key, u64 flags)        \
    {                                                                                              \
        return bpf_sock_map_update(context, &__lbpf_map_##name, (void *)key, flags);               \
    }                                                                                              \
    LBPF_INLINE int name##__msg_redirect_map(void *context, u32 key, u64 flags)                    \
    {                                                                                              \
        return bpf_msg_redirect_map(context, &__lbpf_map_##name, key, flags);                      \
    }                                                                                              \
    LBPF_INLINE int name##__sk_redirect_map(void *context, u32 key, u64 flags)                     \
    {                                                                                              \
        return bpf_sk_redirect_map(context, &__lbpf_map_##name, key, flags);                       \
    }                                                                                              \
    struct name##_sockmap_methods {                                                                \
        int (*update)(const typeof(K) *, const void *);                                            \
        int (*delete)(const typeof(K) *);                                                          \
        int (*sock_map_update)(void *, const typeof(K) *, u64);                                    \
        int (*msg_redirect_map)(void *, u32, u64);                                                 \
        int (*sk_redirect_map)(void *, u32, u64);                                                  \
    }
#define LBPF_INIT_sockmap(name)                                                                    \
    {name##__update_socket, name##__delete_socket, name##__sock_map_update,                        \
     name##__msg_redirect_map, name##__sk_redirect_map}
#define BPF_SOCKMAP(name, size)                                                                    \
    LBPF_DECLARE_MAP(name, LBPF_SOCKMAP, u32, int, size, 0);                                       \
    LBPF_SOCKET_FUNCTIONS(name, u32)                                                               \
    LBPF_KIND_sockmap(name, u32);                                                                  \
    LBPF_OBJECT(name, sockmap)

/* Sockets by any key. */
#define LBPF_KIND_sockhash(name, K)                                                                \
    LBPF_INLINE int name##__sock_hash_update(void *context, const typeof(K) *key, u64 flags)       \
    {                                                                                              \
        return bpf_sock_hash_update(context, &__lbpf_map_##name, (void *)key, flags);              \
    }                                                                                              \
    LBPF_INLINE int name##__msg_redirect_hash(void *context, const typeof(K) *key, u64 flags)      \
    {                                                                                              \
        return bpf_msg_redirect_hash(context, &__lbpf_map_##name, (void *)key, flags);             \
    }                                                                                              \
    LBPF_INLINE int name##__sk_redirect_hash(void *context, const typeof(K) *key, u64 flags)       \
    {                                                                                              \
        return bpf_sk_redirect_hash(context, &__lbpf_map_##name, (void *)key, flags);              \
    }                                                                                              \
    struct name##_sockhash_methods {                                                               \
        int (*update)(const typeof(K) *, const void *);                                            \
        int (*delete)(const typeof(K) *);                                                          \
        int (*sock_hash_update)(void *, const typeof(K) *, u64);                                   \
        int (*msg_redirect_hash)(void *, const typeof(K) *, u64);                                  \
        int (*sk_redirect_hash)(void *, const typeof(K) *, u64);                                   \
    }
#define LBPF_INIT_sockhash(name)                                                                   \
    {name##__update_socket, name##__delete_socket, name##__sock_hash_update,                       \
     name##__msg_redirect_hash, name##__sk_redirect_hash}
#define LBPF_SOCKHASH_3(name, K, size)                                                             \
    LBPF_DECLARE_MAP(name, LBPF_SOCKHASH, K, int, size, 0);                                        \
    LBPF_SOCKET_FUNCTIONS(name, K)                                                                 \
    LBPF_KIND_sockhash(name, K);                                                                   \
    LBPF_OBJECT(name, sockhash)
#define LBPF_SOCKHASH_2(name, K) LBPF_SOCKHASH_3(name, K, 10240)
#define LBPF_SOCKHASH_1(name)    LBPF_SOCKHASH_2(name, u32)
/* BPF_SOCKHASH(name[, key type = u32[, entries = 10240]]) */
#define BPF_SOCKHASH(...)                                                                          \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , , LBPF_SOCKHASH_3, LBPF_SOCKHASH_2,               \
              LBPF_SOCKHASH_1, )                                                                   \
    (__VA_ARGS__)

#endif
