/* What a program says about its tables beyond their definitions: public, extern, pinned, inner. */
#ifndef LBPF_KERNEL_SHARING_H
#define LBPF_KERNEL_SHARING_H

#include "base/error.h"

struct lbpf_object;
struct lbpf_sharing;

/* Reads the object's notes, and puts maps that exist already in place. Before the maps are created.
 * ENOENT: "reference to undefined table"; EEXIST: a pinned map of another shape. */
int lbpf_sharing_prepare(struct lbpf_object *object, struct lbpf_error *error);
/* Pins and publishes. After the maps were created. */
int lbpf_sharing_finish(struct lbpf_object *object, struct lbpf_error *error);
/* Ends the object's part; NULL is allowed. Pinned maps stay. */
void lbpf_sharing_free(struct lbpf_sharing *sharing);

#endif
