/* Block devices. */
#ifndef LBPF_KERNEL_BLOCK_H
#define LBPF_KERNEL_BLOCK_H

#define DISK_NAME_LEN      32
#define BDEVNAME_SIZE      32
#define SECTOR_SHIFT       9
#define SECTOR_SIZE        512
#define REQ_OP_BITS        8
#define REQ_OP_MASK        0xff
#define REQ_OP_READ        0
#define REQ_OP_WRITE       1
#define REQ_OP_FLUSH       2
#define REQ_OP_DISCARD     3
#define REQ_SYNC           (1u << (REQ_OP_BITS + 3))
#define REQ_META           (1u << (REQ_OP_BITS + 4))
#define REQ_PRIO           (1u << (REQ_OP_BITS + 5))
#define REQ_FUA            (1u << (REQ_OP_BITS + 9))
#define REQ_PREFLUSH       (1u << (REQ_OP_BITS + 10))
#define REQ_RAHEAD         (1u << (REQ_OP_BITS + 11))
#define REQ_WRITE          1
#define rq_data_dir(rq)    ((rq)->cmd_flags & 1)
#define bio_data_dir(bio)  ((bio)->bi_opf & 1)
#define bio_op(bio)        ((bio)->bi_opf & REQ_OP_MASK)
#define req_op(rq)         ((rq)->cmd_flags & REQ_OP_MASK)
#define blk_rq_bytes(rq)   ((rq)->__data_len)
#define blk_rq_sectors(rq) ((rq)->__data_len >> SECTOR_SHIFT)
#define blk_rq_pos(rq)     ((rq)->__sector)

#endif
