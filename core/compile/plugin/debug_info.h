/*
 * LLVM's debug info by operand number, where its C interface has no name for what is asked. The
 * numbers are those of LLVM's DI classes and have been the same since LLVM 4.
 */
#ifndef DEBUG_INFO_H
#define DEBUG_INFO_H

#include "lower.h"

enum {
    SUBPROGRAM_TYPE = 4,    /* DISubprogram: file, scope, name, linkage name, type, … */
    SUBROUTINE_TYPES = 3,   /* DISubroutineType: …, …, …, types (result first) */
    DERIVED_BASE = 3,       /* DIDerivedType: file, scope, name, base type, … */
    VARIABLE_TYPE = 3,      /* DIVariable: scope, name, file, type, … */
    COMPOSITE_BASE = 3,     /* DICompositeType: file, scope, name, base type, elements, … */
    COMPOSITE_ELEMENTS = 4, /* … */
};

/* An operand of a node, or NULL. */
LLVMMetadataRef debug_operand(LLVMContextRef context, LLVMMetadataRef node, unsigned index);
bool debug_is_kind(LLVMMetadataRef node, LLVMMetadataKind kind);
/* The type behind typedefs, qualifiers and so on; a pointer stays one. */
LLVMMetadataRef debug_strip(LLVMContextRef context, LLVMMetadataRef type);
/* The C type of a global variable, or NULL. */
LLVMMetadataRef debug_type_of_global(LLVMContextRef context, LLVMValueRef global);

#endif
