/*
 * A program with static probe points (USDT): known operands with known values, several locations
 * for one probe, a counter that tells whether somebody listens.
 *
 *   usdt_target COUNT         runs everything COUNT times and prints "done"
 *   usdt_target COUNT wait    first waits for a line
 *   usdt_target counter       prints "ready", then for each line the listeners of test:guarded
 *   usdt_target exec FILE     waits for a line, then becomes FILE
 */
#include "usdt_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sdt.h>
#include <unistd.h>

/* 16 bits, in the section that <sys/sdt.h> wants it in. */
__extension__ unsigned short test_guarded_semaphore __attribute__((section(".probes")));

long table[4] = {100, 200, -300, 400};
short small_numbers[] = {7, -8, 9};
static const char greeting[] = "hello, probe";
const char *greeting_pointer = greeting;
__thread long own_number = 5;

/* Assembler has columns of its own. */
/* clang-format off */
#if defined(__x86_64__)
/* void registers(void): every width of a register, and what is known of it. */
__asm__(".text\n.globl registers\nregisters:\n"
        "movabs $0x1122334455667788, %rax\n"
        "movabs $0x99aabbccddeeff00, %r9\n"
        "push %r12\nmov $-5, %r12\n"
        PROBE(test, registers, 0,
              "1@%al -1@%al 1@%ah 2@%ax -2@%ax 4@%eax -4@%eax 8@%rax -8@%rax")
        PROBE(test, others, 0,
              "1@%r9b -1@%r9b -2@%r9w 4@%r9d -4@%r9d 8@%r9 -4@%r12d -8@%r12 %r12w -8@%r9d 8@%r9d")
        PROBE(test, constants, 0, "-4@$-7 4@$0x10 8@$-1 1@$255 -1@$255 -8@$010 $5")
        "pop %r12\nret\n");

/* void memory(void): base, index, scale, displacement, symbols. */
__asm__(".text\n.globl memory\nmemory:\n"
        "push %rbp\nmov %rsp, %rbp\nsub $64, %rsp\n"
        "movq $11, -8(%rbp)\nmovl $-22, -16(%rbp)\nmovb $200, -17(%rbp)\n"
        "lea table(%rip), %rcx\nmov $2, %rdx\nmov $1, %esi\n"
        PROBE(test, memory, 0,
              "8@-8(%rbp) -4@-16(%rbp) 1@-17(%rbp) -1@-17(%rbp) 8@-16+8(%rbp) 8@(%rcx) "
              "-8@(%rcx,%rdx,8) -8@8(%rcx,%rdx,8) 8@6(%rcx,%rdx) 8@8(,%rcx,1)")
        PROBE(test, symbols, 0,
              "8@table(%rip) -8@table+16(%rip) 8@16+table-8(%rip) -2@small_numbers+2(%rip) "
              "-8@table(,%rdx,8) 8@$table 8@greeting_pointer(%rip)")
        PROBE(test, broken, 0,
              "8f@%xmm0 4@%eax 8@%fs:own_number@tpoff 8@nowhere(%rip) 16@%rax 8@own_number(%rip) "
              "4@%esi")
        "leave\nret\n");

/* void places(long n): one probe at four places that differ in the first argument; the second is
 * the same everywhere, the third only readable at some, where it differs; the fourth is the same
 * where it is readable, the fifth where it is there. */
__asm__(".text\n.globl places\nplaces:\n"
        "push %rbx\nmov %rdi, %rax\nand $3, %rax\nlea 1000(%rax), %rbx\nlea 2000(%rax), %r8\n"
        "push %rbx\npush %r8\n"
        "cmp $1, %rax\nje 1f\ncmp $2, %rax\nje 2f\ncmp $3, %rax\nje 3f\n"
        PROBE(test, places, 0, "8@%rbx 8@%rdi 8@%rbx 8@%rdi 8@%rdi") "jmp 4f\n"
        "1:" PROBE(test, places, 0, "8@%r8 8@%rdi 8@%r8 8@%rdi 8@%rdi") "jmp 4f\n"
        "2:" PROBE(test, places, 0, "-4@8(%rsp) 8@%rdi 8@%xmm1 8@%xmm2 8@%rdi") "jmp 4f\n"
        "3:" PROBE(test, places, 0, "-8@$-3 8@%rdi 8@%xmm1 8@%rdi") "jmp 4f\n"
        "4: pop %r8\npop %rbx\npop %rbx\nret\n");

/* void guarded_place(long n): what only runs while somebody listens. */
__asm__(".text\n.globl guarded_place\nguarded_place:\n"
        PROBE(test, guarded, test_guarded_semaphore, "-8@%rdi") "ret\n");
#elif defined(__aarch64__)
__asm__(".text\n.globl registers\nregisters: ret\n.globl memory\nmemory: ret\n"
        ".globl places\nplaces: ret\n.globl guarded_place\nguarded_place: ret\n");
#endif
/* clang-format on */

void registers(void);
void memory(void);
void places(long n);
void guarded_place(long n);

static void widths(long n)
{
    signed char tiny = (signed char)-n;
    unsigned short half = (unsigned short)(65535 - n);
    int whole = (int)-n * 1000;
    unsigned long large = ~0ul - (unsigned long)n;
    struct {
        char text[16];
    } named;

    snprintf(named.text, sizeof named.text, "number %ld", n);
    DTRACE_PROBE5(test, widths, tiny, half, whole, large, named.text);
}

static void guarded(long n)
{
    if (__builtin_expect(*(volatile unsigned short *)&test_guarded_semaphore, 0))
        guarded_place(n);
}

static int tell_counter(void)
{
    char line[16];

    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        printf("%u\n", *(volatile unsigned short *)&test_guarded_semaphore);
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    char line[16];

    if (argc > 1 && !strcmp(argv[1], "counter"))
        return tell_counter();
    if (argc > 2 && (puts("ready"), fflush(stdout), !fgets(line, sizeof line, stdin)))
        return 1;
    if (argc > 2 && !strcmp(argv[1], "exec"))
        return execl(argv[2], argv[2], "counter", (char *)NULL);
    for (long n = 0; n < count; n++) {
        registers();
        memory();
        places(n);
        widths(n);
        guarded(n);
    }
    printf("done %d %ld\n", small_numbers[0], own_number);
    return 0;
}
