/* The variables of a function that lie on the stack, and how much of it they need at one time. */
#ifndef FRAME_H
#define FRAME_H

#include "lower.h"

#include <stdint.h>

struct variable {
    LLVMValueRef slot;       /* first, for compare_addresses */
    unsigned long long size; /* rounded up to 8 */
    bool has_lifetime, is_fixed, is_moved;
    unsigned long long offset; /* in the scratch entry, when moved */
};

struct frame {
    LLVMValueRef function;
    struct variable *variables;
    unsigned count;
    unsigned block_count;
    LLVMBasicBlockRef *blocks; /* by address, as are the variables, so that they are found fast */
    uint8_t *live;             /* per block, per variable: in use at the block's end */
};

/* Finds the variables and aligns them; close it in any case. */
void lower_frame_open(struct lowering *lowering, LLVMValueRef function, struct frame *frame);
void lower_frame_close(struct frame *frame);

/* Bytes in use at the fullest point of the function, without those of moved variables: what is
 * alive on any way there counts. */
unsigned long long lower_bytes_in_use(struct frame *frame);

#endif
