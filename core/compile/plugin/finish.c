/*
 * The shape of the finished object: each program in a section of its own, tables under the user's
 * names, a licence. And a last look at it, when everything is optimized.
 */
#include "lower.h"

#include <stdio.h>
#include <string.h>

static const char map_prefix[] = "__lbpf_map_";

/* Table `counts` is the method struct counts and the map __lbpf_map_counts. What still refers to
 * the struct means the map (bpf_map_lookup_elem(&counts, …)), and the map takes the name. */
static void name_map(LLVMModuleRef module, LLVMValueRef map)
{
    char name[256];
    LLVMValueRef methods;
    size_t size;

    snprintf(name, sizeof name, "%s", LLVMGetValueName2(map, &size) + strlen(map_prefix));
    methods = LLVMGetNamedGlobal(module, name);
    if (methods) {
        LLVMReplaceAllUsesWith(methods, map);
        LLVMDeleteGlobal(methods);
    }
    LLVMSetValueName2(map, name, strlen(name));
}

/* Mergeable strings go to a section that older libbpf does not map; plain .rodata serves as well.
 */
static void keep_in_rodata(LLVMValueRef global)
{
    if (LLVMIsGlobalConstant(global) && !LLVMGetSection(global))
        LLVMSetUnnamedAddress(global, LLVMNoUnnamedAddr);
}

static bool has_license(LLVMModuleRef module)
{
    for (LLVMValueRef g = LLVMGetFirstGlobal(module); g; g = LLVMGetNextGlobal(g))
        if (LLVMGetSection(g) && !strcmp(LLVMGetSection(g), "license"))
            return true;
    return false;
}

static void add_license(struct lowering *lowering)
{
    LLVMValueRef text = LLVMConstStringInContext(lowering->context, "GPL", 3, 0);
    LLVMValueRef license = LLVMAddGlobal(lowering->module, LLVMTypeOf(text), "_license");

    LLVMSetInitializer(license, text);
    LLVMSetSection(license, "license");
    LLVMSetAlignment(license, 1);
}

/* A section is a symbol, too: `char license[] SEC("license")` would be a second one of its name. */
static void part_from_section(LLVMValueRef global)
{
    size_t size;
    char name[64];

    if (!LLVMGetSection(global) ||
        strcmp(LLVMGetSection(global), LLVMGetValueName2(global, &size)) != 0)
        return;
    snprintf(name, sizeof name, "_%s", LLVMGetSection(global));
    LLVMSetValueName2(global, name, strlen(name));
}

static void place_program(LLVMValueRef function)
{
    char section[300];
    size_t size;

    if (LLVMGetSection(function) && *LLVMGetSection(function))
        return;
    snprintf(section, sizeof section, "fn/%s", LLVMGetValueName2(function, &size));
    LLVMSetSection(function, section);
}

void lower_finish(struct lowering *lowering)
{
    for (LLVMValueRef g = LLVMGetFirstGlobal(lowering->module), next; g; g = next) {
        size_t size;

        next = LLVMGetNextGlobal(g);
        part_from_section(g);
        if (lower_has_prefix(LLVMGetValueName2(g, &size), map_prefix))
            name_map(lowering->module, g);
        else
            keep_in_rodata(g);
    }
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        if (lower_is_program(f))
            place_program(f);
    if (!has_license(lowering->module))
        add_license(lowering);
}

/* --- addresses in data ------------------------------------------------------------------------ */

static bool holds_address(LLVMValueRef constant)
{
    if (LLVMIsAGlobalValue(constant))
        return true;
    if (!LLVMIsAConstantExpr(constant) && !LLVMIsAConstantStruct(constant) &&
        !LLVMIsAConstantArray(constant))
        return false;
    for (int i = 0; i < LLVMGetNumOperands(constant); i++)
        if (holds_address(LLVMGetOperand(constant, (unsigned)i)))
            return true;
    return false;
}

/* An instruction that uses value, also by way of constant expressions; or NULL. */
static LLVMValueRef user_of(LLVMValueRef value)
{
    for (LLVMUseRef use = LLVMGetFirstUse(value); use; use = LLVMGetNextUse(use)) {
        LLVMValueRef user = LLVMGetUser(use);

        if (LLVMIsAConstantExpr(user))
            user = user_of(user);
        if (user && LLVMIsAInstruction(user))
            return user;
    }
    return NULL;
}

/* Sections that libbpf fills with what it likes. */
static bool is_plain_data(LLVMValueRef global)
{
    const char *section = LLVMGetSection(global);

    return !section || !*section || lower_has_prefix(section, ".rodata") ||
           lower_has_prefix(section, ".data");
}

/* libbpf relocates addresses in code but none in data: there they would silently be numbers. Much
 * of this is optimized away before, so it is looked for at the end. */
void lower_check(struct lowering *lowering)
{
    for (LLVMValueRef g = LLVMGetFirstGlobal(lowering->module); g; g = LLVMGetNextGlobal(g)) {
        LLVMValueRef user = LLVMIsDeclaration(g) || !is_plain_data(g) ? NULL : user_of(g);
        const char *name, *dot;
        size_t size;

        if (!user || !holds_address(LLVMGetInitializer(g)))
            continue;
        name = LLVMGetValueName2(g, &size);
        dot = strrchr(name, '.');
        lower_error(lowering, user,
                    "%s holds addresses (of strings, variables or functions), which a BPF program "
                    "can't keep in its data; choose among them with a switch, or keep strings in "
                    "an array of char arrays",
                    dot ? dot + 1 : name);
    }
}
