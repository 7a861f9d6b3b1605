/* What a program takes for granted, with this kernel's answers, as a section of its object. */
#include "compile/assumptions.h"
#include "compile/kernel_facts.h"
#include "compile/tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_facts(const void *left, const void *right)
{
    const struct lbpf_kernel_fact *a = left, *b = right;

    return strcmp(a->text, b->text);
}

/* The first line of the program that has the last word of the fact, a member's name as one; or 0.
 */
static unsigned line_of(const struct lbpf_source *source, const char *fact)
{
    const char *word = fact + strlen(fact), *found = NULL;
    struct lbpf_tokens tokens = {.at = source->text, .end = source->text + source->size};
    struct lbpf_token token, before = {0};
    unsigned line = source->first_line ? source->first_line : 1;

    while (word > fact && word[-1] != ' ' && word[-1] != '.')
        word--;
    while ((token = lbpf_tokens_next(&tokens)).kind != LBPF_TOKEN_END) {
        if (lbpf_token_is(&token, word) && (!found || before.kind == LBPF_TOKEN_MARK)) {
            found = token.at;
            if (word[-1] != '.' || (before.kind == LBPF_TOKEN_MARK && strchr(".>,", before.mark)))
                break;
        }
        before = token;
    }
    for (const char *at = source->text; found && at < found; at++)
        line += *at == '\n';
    return found ? line : 0;
}

static void write_fact(const struct lbpf_source *source, const struct lbpf_kernel_fact *fact,
                       struct lbpf_buffer *text)
{
    unsigned line = line_of(source, fact->text);

    lbpf_buffer_printf(text, "\n\"%s\\t%s\\t", fact->text, fact->here.data);
    for (const char *at = source->file_name; line && *at; at++)
        lbpf_buffer_printf(text, "\\%03o", (unsigned char)*at);
    if (line)
        lbpf_buffer_printf(text, ":%u", line);
    lbpf_buffer_append_string(text, "\\n\"");
}

int lbpf_assumptions_write(const struct lbpf_assumptions *assumptions,
                           const struct lbpf_source *source, struct lbpf_kernel_btf *btf,
                           struct lbpf_buffer *text)
{
    const struct lbpf_strmap *map = &assumptions->facts;
    struct lbpf_kernel_fact *facts = calloc(map->count + 1, sizeof *facts);
    size_t count = 0;
    int result;

    if (!facts || assumptions->failed || assumptions->field_names.failed ||
        assumptions->pointers.failed) {
        free(facts);
        return -ENOMEM;
    }
    for (size_t i = 0; i < map->slot_count; i++)
        if (map->slots[i].key)
            facts[count++].text = map->slots[i].key;
    qsort(facts, count, sizeof *facts, compare_facts);
    result = lbpf_kernel_facts_answer(btf, facts, count);
    lbpf_buffer_append_string(text, "#pragma clang system_header\nstatic const char __lbpf_facts[] "
                                    "__attribute__((section(\".lbpf.kernel\"), used, nodebug)) =");
    for (size_t i = 0; i < count; i++)
        if (facts[i].here.size)
            write_fact(source, &facts[i], text);
    lbpf_buffer_append_string(text, " \"\";\n");
    lbpf_kernel_facts_free(facts, count);
    free(facts);
    return result || text->failed ? -ENOMEM : 0;
}

void lbpf_assumptions_free(struct lbpf_assumptions *assumptions)
{
    lbpf_strmap_free(&assumptions->facts);
    lbpf_strmap_free(&assumptions->records);
    lbpf_strmap_free(&assumptions->fields);
    lbpf_buffer_free(&assumptions->field_names);
    lbpf_buffer_free(&assumptions->pointers);
}
