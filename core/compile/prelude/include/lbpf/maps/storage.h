/* A leaf of its own for each socket, inode, task or cgroup. The kernel keys them by the object
 * itself, and wants no number of entries. */
#ifndef LBPF_MAPS_STORAGE_H
#define LBPF_MAPS_STORAGE_H

/* owner: sk, inode, task. The flag BPF_LOCAL_STORAGE_GET_F_CREATE (1) makes a missing leaf, with
 * the content of first if that is not NULL. */
#define LBPF_STORAGE_KIND(name, owner, V)                                                          \
    LBPF_INLINE typeof(V) *name##__##owner##_storage_get(void *object, const void *first,          \
                                                         u64 flags)                                \
    {                                                                                              \
        return bpf_##owner##_storage_get(&__lbpf_map_##name, object, (void *)first, flags);        \
    }                                                                                              \
    LBPF_INLINE int name##__##owner##_storage_delete(void *object)                                 \
    {                                                                                              \
        return bpf_##owner##_storage_delete(&__lbpf_map_##name, object);                           \
    }
#define LBPF_KIND_sk(name, V)                                                                      \
    LBPF_STORAGE_KIND(name, sk, V)                                                                 \
    struct name##_sk_methods {                                                                     \
        typeof(V) *(*sk_storage_get)(void *, const void *, u64);                                   \
        int (*sk_storage_delete)(void *);                                                          \
    }
#define LBPF_KIND_inode(name, V)                                                                   \
    LBPF_STORAGE_KIND(name, inode, V)                                                              \
    struct name##_inode_methods {                                                                  \
        typeof(V) *(*inode_storage_get)(void *, const void *, u64);                                \
        int (*inode_storage_delete)(void *);                                                       \
    }
#define LBPF_KIND_task(name, V)                                                                    \
    LBPF_STORAGE_KIND(name, task, V)                                                               \
    struct name##_task_methods {                                                                   \
        typeof(V) *(*task_storage_get)(void *, const void *, u64);                                 \
        int (*task_storage_delete)(void *);                                                        \
    }
#define LBPF_INIT_sk(name)    {name##__sk_storage_get, name##__sk_storage_delete}
#define LBPF_INIT_inode(name) {name##__inode_storage_get, name##__inode_storage_delete}
#define LBPF_INIT_task(name)  {name##__task_storage_get, name##__task_storage_delete}

#define LBPF_STORAGE_TABLE(name, map_type, owner, V)                                               \
    LBPF_DECLARE_MAP(name, map_type, int, V, 0, LBPF_NO_PREALLOC);                                 \
    LBPF_KIND_##owner(name, V);                                                                    \
    LBPF_OBJECT(name, owner)
#define BPF_SK_STORAGE(name, V)    LBPF_STORAGE_TABLE(name, LBPF_SK_STORAGE, sk, V)
#define BPF_INODE_STORAGE(name, V) LBPF_STORAGE_TABLE(name, LBPF_INODE_STORAGE, inode, V)
#define BPF_TASK_STORAGE(name, V)  LBPF_STORAGE_TABLE(name, LBPF_TASK_STORAGE, task, V)

/* The kernel's struct bpf_cgroup_storage_key, which it checks member by member. */
struct lbpf_cgroup_storage_key {
    u64 cgroup_inode_id;
    u32 attach_type;
};
#define LBPF_KIND_local(name, V)                                                                   \
    LBPF_INLINE typeof(V) *name##__get_local_storage(u64 flags)                                    \
    {                                                                                              \
        return bpf_get_local_storage(&__lbpf_map_##name, flags);                                   \
    }                                                                                              \
    struct name##_local_methods {                                                                  \
        typeof(V) *(*get_local_storage)(u64);                                                      \
    }
#define LBPF_INIT_local(name) {name##__get_local_storage}
#define LBPF_LOCAL_TABLE(name, map_type, V)                                                        \
    LBPF_DECLARE_MAP(name, map_type, struct lbpf_cgroup_storage_key, V, 0, 0);                     \
    LBPF_KIND_local(name, V);                                                                      \
    LBPF_OBJECT(name, local)
#define BPF_CGROUP_STORAGE(name, V)        LBPF_LOCAL_TABLE(name, LBPF_CGROUP_STORAGE, V)
#define BPF_PERCPU_CGROUP_STORAGE(name, V) LBPF_LOCAL_TABLE(name, LBPF_PERCPU_CGROUP_STORAGE, V)

#endif
