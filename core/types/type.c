#include "types/type.h"

#include <string.h>

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
