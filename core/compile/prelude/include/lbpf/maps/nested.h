/* Maps of maps. What lookup gives is a map for the raw helpers: bpf_map_lookup_elem(inner, &key).
 * The inner table is named by a string; the kernel takes only maps of its very shape. */
#ifndef LBPF_MAPS_NESTED_H
#define LBPF_MAPS_NESTED_H

#define LBPF_KIND_nested(name, K)                                                                  \
    LBPF_INLINE void *name##__lookup_map(const typeof(K) *key)                                     \
    {                                                                                              \
        return bpf_map_lookup_elem(&__lbpf_map_##name, key);                                       \
    }                                                                                              \
    struct name##_nested_methods {                                                                 \
        void *(*lookup)(const typeof(K) *);                                                        \
    }
#define LBPF_INIT_nested(name) {name##__lookup_map}
#define LBPF_NESTED_TABLE(name, map_type, K, inner, size)                                          \
    LBPF_NOTE(name, type, "of_maps$" inner);                                                       \
    LBPF_DECLARE_MAP(name, map_type, K, u32, size, 0);                                             \
    LBPF_KIND_nested(name, K);                                                                     \
    LBPF_OBJECT(name, nested)

/* BPF_ARRAY_OF_MAPS(name, "inner table", entries) */
#define BPF_ARRAY_OF_MAPS(name, inner, size)                                                       \
    LBPF_NESTED_TABLE(name, LBPF_ARRAY_OF_MAPS, int, inner, size)

#define LBPF_HASH_OF_MAPS_4(name, K, inner, size)                                                  \
    LBPF_NESTED_TABLE(name, LBPF_HASH_OF_MAPS, K, inner, size)
#define LBPF_HASH_OF_MAPS_3(name, K, inner) LBPF_HASH_OF_MAPS_4(name, K, inner, 10240)
#define LBPF_HASH_OF_MAPS_2(name, inner)    LBPF_HASH_OF_MAPS_3(name, int, inner)
/* BPF_HASH_OF_MAPS(name[, key type = int], "inner table"[, entries = 10240]) */
#define BPF_HASH_OF_MAPS(...)                                                                      \
    LBPF_PICK(__VA_ARGS__, , , , , , , , , , , , LBPF_HASH_OF_MAPS_4, LBPF_HASH_OF_MAPS_3,         \
              LBPF_HASH_OF_MAPS_2, , )(__VA_ARGS__)

#endif
