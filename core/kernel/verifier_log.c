/*
 * Reading the verifier's log. It is a trace of everything that was tried, often thousands of lines,
 * and only its end matters: the last instruction, the words after it, and the last source line
 * before it.
 *
 *     ; *v += 1; @ counts.c:13                    source, with the position since 6.8
 *     7: (79) r1 = *(u64 *)(r0 +0)                the instruction that failed
 *     R0 invalid mem access 'map_value_or_null'   the final words
 *     processed 7 insns (limit 1000000) …         statistics
 *
 * The kernel prints only the base name of the file, so the program's own line table is asked first.
 */
#include "kernel/verifier_log.h"

#include "base/buffer.h"
#include "kernel/verifier_hints.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_LIMIT 1000 /* a verdict is one to three lines */
#define TEXT_LIMIT  160  /* of a source line in a message */

struct span {
    const char *start;
    size_t size;
};

/* What the end of a log tells. */
struct finding {
    struct lbpf_buffer words; /* the final words, perhaps several lines */
    struct span comment;  /* last source comment before the instruction, without "; "; or empty */
    uint32_t instruction; /* that failed; LBPF_LINE_ELSEWHERE when the log names none */
};

/* Where in the source it failed. */
struct place {
    struct span file, text;
    unsigned long line; /* 0: unknown */
};

/* ---- lines of the log ----------------------------------------------------------------------- */

static bool starts(struct span line, const char *prefix)
{
    size_t size = strlen(prefix);

    return line.size >= size && !memcmp(line.start, prefix, size);
}

/* The line that ends at end (exclusive, its newline not included). */
static struct span line_before(const char *log, const char *end)
{
    struct span line;
    const char *start = end;

    while (start > log && start[-1] != '\n')
        start--;
    line.start = start;
    line.size = (size_t)(end - start);
    return line;
}

/* "12: (85) call …": its number into *number. */
static bool is_instruction(struct span line, uint32_t *number)
{
    size_t digits = 0;
    uint64_t value = 0;

    while (digits < line.size && digits < 9 && isdigit((unsigned char)line.start[digits]))
        value = value * 10 + (uint64_t)(line.start[digits++] - '0');
    if (!digits || line.size < digits + 3 || memcmp(line.start + digits, ": (", 3))
        return false;
    *number = (uint32_t)value;
    return true;
}

/* Lines that report state, not a verdict. */
static bool is_state(struct span line)
{
    static const char *const prefixes[] = {
        ";",
        "from ",
        "last_idx",
        "regs=",
        "parent ",
        "mark_precise",
        "func#",
        "Live ",
        "caller:",
        "callee:",
        "to caller at",
        "cur ",
        "old ",
        "stack depth",
        "verification time",
        "returning from",
        "propagating",
        "R0=",
        "R1=",
        "R0_w=",
        "max_states",
    };
    size_t digits = 0;

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (starts(line, prefixes[i]))
            return true;
    }
    if (starts(line, "frame") && line.size > 5 && isdigit((unsigned char)line.start[5]))
        return true;
    while (digits < line.size && isdigit((unsigned char)line.start[digits]))
        digits++;
    return line.size == 0 || (digits && digits < line.size && line.start[digits] == ':');
}

/* The end of the log without its statistics, which some messages run into without a newline. */
static const char *verdict_end(const char *log)
{
    const char *end = log + strlen(log);

    for (const char *at = log; (at = strstr(at, "processed ")) != NULL; at += 10) {
        if (isdigit((unsigned char)at[10]) && strstr(at, "insns"))
            end = at;
    }
    return end;
}

/* The start of the last instruction line before end, or NULL. */
static const char *last_instruction(const char *log, const char *end, uint32_t *number)
{
    while (end > log) {
        struct span line = line_before(log, end);

        if (is_instruction(line, number))
            return line.start;
        end = line.start > log ? line.start - 1 : log;
    }
    return NULL;
}

/* Appends the lines from start to end that are the verdict. */
static void collect_words(struct lbpf_buffer *words, const char *start, const char *end)
{
    while (start < end && words->size < WORDS_LIMIT) {
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        struct span line = {start, (size_t)((newline ? newline : end) - start)};

        if (!is_state(line)) {
            if (words->size)
                lbpf_buffer_append(words, "\n", 1);
            lbpf_buffer_append(words, line.start, line.size);
        }
        start = newline ? newline + 1 : end;
    }
}

static struct span last_comment(const char *log, const char *end)
{
    struct span none = {log, 0};

    while (end > log) {
        struct span line = line_before(log, end);

        if (starts(line, "; ")) {
            line.start += 2;
            line.size -= 2;
            return line;
        }
        end = line.start > log ? line.start - 1 : log;
    }
    return none;
}

/* Some verdicts name an instruction of their own: where a reservation was made, where a jump
 * starts. */
static void instruction_in_words(struct finding *finding)
{
    static const char *const phrases[] = {"alloc_insn=", "from insn ", "at insn ",
                                          "unreachable insn "};
    const char *words = lbpf_buffer_string(&finding->words);

    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        const char *found = strstr(words, phrases[i]);

        if (found && isdigit((unsigned char)found[strlen(phrases[i])])) {
            finding->instruction = (uint32_t)strtoul(found + strlen(phrases[i]), NULL, 10);
            finding->comment.size = 0; /* it belongs to another instruction */
            return;
        }
    }
}

static void read_end(const char *log, struct finding *finding)
{
    const char *end = verdict_end(log), *start;

    memset(finding, 0, sizeof *finding);
    finding->instruction = LBPF_LINE_ELSEWHERE;
    start = last_instruction(log, end, &finding->instruction);
    if (start) {
        const char *newline = memchr(start, '\n', (size_t)(end - start));

        collect_words(&finding->words, newline ? newline + 1 : end, end);
        finding->comment = last_comment(log, start > log ? start - 1 : log);
    } else {
        collect_words(&finding->words, log, end);
    }
    instruction_in_words(finding);
}

/* ---- places in the source ------------------------------------------------------------------- */

static struct span trimmed(const char *text, size_t size)
{
    struct span span = {text, size};

    while (span.size && isspace((unsigned char)span.start[0])) {
        span.start++;
        span.size--;
    }
    while (span.size && isspace((unsigned char)span.start[span.size - 1]))
        span.size--;
    return span;
}

/* Splits "text @ file:line" (kernels before 6.8: only "text"). */
static void read_comment(struct span comment, struct place *place)
{
    const char *end = comment.start + comment.size, *at = end;
    const char *colon;

    memset(place, 0, sizeof *place);
    while (at > comment.start + 2 && memcmp(at - 3, " @ ", 3))
        at--;
    if (at > comment.start + 2) {
        for (colon = end - 1; colon > at && *colon != ':'; colon--)
            ;
        if (*colon == ':' && colon + 1 < end && isdigit((unsigned char)colon[1])) {
            place->file.start = at;
            place->file.size = (size_t)(colon - at);
            place->line = strtoul(colon + 1, NULL, 10);
            end = at - 3;
        }
    }
    place->text = trimmed(comment.start, (size_t)(end - comment.start));
}

static void use_line(struct place *place, const struct lbpf_line *line)
{
    place->file.start = line->file_name;
    place->file.size = strlen(line->file_name);
    place->line = line->line;
    place->text = trimmed(line->text, strlen(line->text));
}

/* The line that covers an instruction of the program itself. */
static const struct lbpf_line *line_of_instruction(const struct lbpf_rejection *rejection,
                                                   uint32_t instruction)
{
    const struct lbpf_line *best = NULL;

    if (instruction == LBPF_LINE_ELSEWHERE ||
        (rejection->instruction_count && instruction >= rejection->instruction_count))
        return NULL;
    for (size_t i = 0; i < rejection->line_count; i++) {
        if (rejection->lines[i].instruction > instruction)
            break;
        best = &rejection->lines[i];
    }
    return best;
}

/* The line with the same text, and the same number where the comment tells it. */
static const struct lbpf_line *line_of_comment(const struct lbpf_rejection *rejection,
                                               const struct place *comment)
{
    for (size_t i = 0; comment->text.size && i < rejection->line_count; i++) {
        const struct lbpf_line *line = &rejection->lines[i];
        struct span text = trimmed(line->text, strlen(line->text));

        if (text.size == comment->text.size &&
            !memcmp(text.start, comment->text.start, text.size) &&
            (!comment->line || comment->line == line->line))
            return line;
    }
    return NULL;
}

static void find_place(const struct lbpf_rejection *rejection, const struct finding *finding,
                       struct place *place)
{
    const struct lbpf_line *line = line_of_instruction(rejection, finding->instruction);

    read_comment(finding->comment, place);
    if (!line)
        line = line_of_comment(rejection, place);
    if (line)
        use_line(place, line);
}

/* ---- the error ------------------------------------------------------------------------------ */

/* Whether a register's state, as printed behind "R6=", is the number 0; 5.x puts "inv" before it.
 */
static bool is_zero(const char *state)
{
    if (!strncmp(state, "inv", 3))
        state += 3;
    if (*state == 'P')
        state++;
    return state[0] == '0' && !isalnum((unsigned char)state[1]);
}

/*
 * On the path where a check found NULL the pointer has become a plain 0, and the verifier no longer
 * says what it was. So for "R6 invalid mem access 'scalar'" the last state of R6 is looked up.
 */
static bool is_null_pointer(const char *log, const char *words)
{
    static const char phrase[] = " invalid mem access '";
    const char *found = strstr(words, phrase), *last = NULL, *at = log;
    char plain[8], written[8];

    if (!found || found - words < 2 ||
        (strncmp(found + sizeof phrase - 1, "scalar'", 7) != 0 &&
         strncmp(found + sizeof phrase - 1, "inv'", 4) != 0))
        return false;
    while (found > words && found[-1] != '\n')
        found--;
    if (found[0] != 'R' || !isdigit((unsigned char)found[1]))
        return false;
    snprintf(plain, sizeof plain, " R%c=", found[1]);
    snprintf(written, sizeof written, " R%c_w=", found[1]);
    for (; (at = strstr(at, " R")) != NULL; at += 2) {
        if (!strncmp(at, plain, strlen(plain)))
            last = at + strlen(plain);
        else if (!strncmp(at, written, strlen(written)))
            last = at + strlen(written);
    }
    return last && is_zero(last);
}

static void set_error(const struct lbpf_rejection *rejection, int code, const char *log,
                      const struct finding *finding, const struct place *place,
                      struct lbpf_error *error)
{
    struct lbpf_buffer cause = {0}, advice = {0};
    const char *words = lbpf_buffer_string(&finding->words);

    if (finding->words.size)
        lbpf_verifier_hint(is_null_pointer(log, words) ? "invalid mem access 'null'" : words,
                           &cause, &advice);
    else
        lbpf_buffer_append_string(&cause, "the verifier refused it without a reason");
    /* without the errno's words: "Permission denied" would send people looking for rights */
    lbpf_error_set(error, code, "load", "Failed to load BPF program %s: %s%s%.*s%s",
                   rejection->function, lbpf_buffer_string(&cause),
                   place->text.size ? ", in `" : "",
                   (int)(place->text.size > TEXT_LIMIT ? TEXT_LIMIT : place->text.size),
                   place->text.size ? place->text.start : "", place->text.size ? "`" : "");
    if (place->line)
        lbpf_error_where(error, "%.*s:%lu", (int)place->file.size, place->file.start, place->line);
    if (finding->words.size)
        lbpf_error_hint(error, "%s%s(the verifier: %.*s)", lbpf_buffer_string(&advice),
                        advice.size ? " " : "", (int)strcspn(words, "\n"), words);
    lbpf_buffer_free(&cause);
    lbpf_buffer_free(&advice);
}

int lbpf_verifier_explain(const struct lbpf_rejection *rejection, char *log,
                          struct lbpf_error *error)
{
    int code = rejection->code == ENOSPC || rejection->code == EFAULT ? EACCES : rejection->code;
    struct finding finding;
    struct place place;

    if (error) {
        read_end(log, &finding);
        find_place(rejection, &finding, &place);
        set_error(rejection, code, log, &finding, &place, error);
        lbpf_buffer_free(&finding.words);
    }
    lbpf_error_take_log(error, log);
    return -code;
}
