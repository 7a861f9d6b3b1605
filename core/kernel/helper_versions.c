/*
 * Helpers are numbered in the order in which they were added and never renumbered, so one row per
 * kernel release tells the version of them all; the names come from the kernel's own header. (One
 * helper, csum_level, reached 5.7 as a fix although its number is of 5.8.)
 */
#include "kernel/helper_versions.h"

#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>

#define LAST_NUMBER 211u

static const struct {
    uint32_t first;
    const char *version;
} releases[] = {
    {1, "3.19"},   {4, "4.1"},    {12, "4.2"},   {17, "4.3"},   {23, "4.4"},   {26, "4.5"},
    {27, "4.6"},   {31, "4.8"},   {37, "4.9"},   {42, "4.10"},  {45, "4.11"},  {46, "4.12"},
    {48, "4.13"},  {51, "4.14"},  {54, "4.15"},  {58, "4.16"},  {60, "4.17"},  {65, "4.18"},
    {81, "4.19"},  {84, "4.20"},  {91, "5.0"},   {93, "5.1"},   {99, "5.2"},   {109, "5.3"},
    {111, "5.5"},  {119, "5.6"},  {125, "5.7"},  {130, "5.8"},  {135, "5.7"},  {136, "5.9"},
    {142, "5.10"}, {156, "5.11"}, {163, "5.12"}, {164, "5.13"}, {166, "5.14"}, {169, "5.15"},
    {176, "5.16"}, {180, "5.17"}, {186, "5.18"}, {194, "5.19"}, {204, "6.0"},  {208, "6.1"},
    {210, "6.2"},
};

#define NAME(name) #name
static const char *const names[] = {__BPF_FUNC_MAPPER(NAME)};
#undef NAME

const char *lbpf_helper_name(uint32_t number)
{
    if (number == 0)
        return NULL;
    if (number < sizeof names / sizeof names[0])
        return names[number];
    if (number == 210 || number == 211) /* the header that we were built with may be older */
        return number == 210 ? "cgrp_storage_get" : "cgrp_storage_delete";
    return NULL;
}

const char *lbpf_helper_since(uint32_t number)
{
    const char *version = NULL;

    if (number == 0 || number > LAST_NUMBER)
        return NULL;
    for (size_t i = 0; i < sizeof releases / sizeof releases[0] && releases[i].first <= number; i++)
        version = releases[i].version;
    return version;
}

uint32_t lbpf_helper_number(const char *name)
{
    if (!strncmp(name, "bpf_", 4))
        name += 4;
    for (uint32_t number = 1; number <= LAST_NUMBER; number++) {
        const char *known = lbpf_helper_name(number);

        if (known && !strcmp(known, name))
            return number;
    }
    return 0;
}
