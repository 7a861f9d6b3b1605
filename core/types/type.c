#include "types/type.h"

#include <string.h>

const char *lbpf_type_enumerator(const struct lbpf_type *type, int64_t value)
{
    for (uint32_t i = 0; i < type->enumerator_count; i++)
        if (type->enumerators[i].value == value)
            return type->enumerators[i].name;
    return NULL;
}

bool lbpf_type_has_overlap(const struct lbpf_type *record)
{
    if (record->kind == LBPF_TYPE_UNION)
        return true;
    for (uint32_t i = 0; i < record->member_count; i++) {
        const struct lbpf_member *member = &record->members[i];

        if (!member->name[0] && lbpf_type_is_record(member->type) &&
            lbpf_type_has_overlap(member->type))
            return true;
    }
    return false;
}

bool lbpf_type_find_member(const struct lbpf_type *record, const char *name,
                           struct lbpf_member *found)
{
    for (uint32_t i = 0; i < record->member_count; i++) {
        const struct lbpf_member *member = &record->members[i];

        if (member->name[0]) {
            if (strcmp(member->name, name))
                continue;
            *found = *member;
            return true;
        }
        if (lbpf_type_is_record(member->type) && lbpf_type_find_member(member->type, name, found)) {
            found->bit_offset += member->bit_offset;
            return true;
        }
    }
    return false;
}
