/*
 * The one header of core that the Lua binding sees. Each part documents itself; ownership is said
 * in session/session.h.
 */
#ifndef LBPF_H
#define LBPF_H

#include "attach/perf_counter.h"
#include "base/buffer.h"
#include "base/error.h"
#include "compile/cache.h"
#include "compile/kernel_functions.h"
#include "compile/kernel_query.h"
#include "compile/toolchain.h"
#include "elf/binary.h"
#include "elf/symtab.h"
#include "host/child.h"
#include "host/descriptor.h"
#include "host/features.h"
#include "host/kallsyms.h"
#include "host/match.h"
#include "host/nearest.h"
#include "host/proc.h"
#include "host/tracefs.h"
#include "kernel/helper_versions.h"
#include "kernel/inspect.h"
#include "session/session.h"
#include "symbols/symbolizer.h"
#include "types/decode.h"
#include "types/encode.h"
#include "types/text.h"

#endif
