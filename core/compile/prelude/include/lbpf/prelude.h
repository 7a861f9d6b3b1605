/*
 * The prelude: included before every program, after the kernel's types. It makes BCC's dialect
 * valid C. Nothing in it needs kernel headers.
 *
 * Functions here are `nodebug`: once inlined, their instructions carry the position of the call in
 * the user's own source, which is what diagnostics and the verifier's log then name.
 */
#ifndef LBPF_PRELUDE_H
#define LBPF_PRELUDE_H

/* In the order of dependence. */
#include <lbpf/types.h>

#include <lbpf/helpers.h>

#include <lbpf/maps.h>

#include <lbpf/probes.h>

#include <lbpf/arithmetic.h>

#include <lbpf/packet.h>

#include <lbpf/libbpf.h>

#endif
