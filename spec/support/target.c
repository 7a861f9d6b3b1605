/*
 * A program to trace: calls known functions a known number of times, with known data behind their
 * pointers. target COUNT      then prints "done" With "wait" as second argument it waits for a line
 * on stdin before it starts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    int value;
    char name[8];
    unsigned char low : 3;
    unsigned char high : 5;
    union {
        int whole;
        short half;
    };
    int array[4];
    struct {
        long inside;
    } deep;
    signed char tiny;
    const char *text;
};

struct large {
    unsigned char bytes[200];
};

#define TRACED __attribute__((noinline, noclone, visibility("default")))

TRACED long visit(struct node *node, int length, const char *text, struct node *other,
                  struct large *large)
{
    __asm__ volatile("" ::: "memory");
    return node->value + length + text[0] + other->value + large->bytes[0];
}

TRACED long six(long a, long b, long c, long d, long e, long f)
{
    __asm__ volatile("" ::: "memory");
    return a + b + c + d + e + f;
}

TRACED unsigned long answer(unsigned long question)
{
    __asm__ volatile("" ::: "memory");
    return question * 3;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    size_t sum = 0;
    struct node third = {
        .value = 1000, .name = "third", .low = 7, .high = 30, .array = {7, 8, 9, 10}};
    struct node second = {&third, 200, "second", 2, 11, {0x50004}, {5, 6, 7, 8}, {-5}, -3, "two"};
    struct node first = {&second, 30, "first", 5, 17, {0x10002}, {11, 22, 33, 44}, {99}, -7, "one"};
    struct large large;
    const char *volatile greeting = "hello", *hello = greeting;

    for (size_t i = 0; i < sizeof large.bytes; i++)
        large.bytes[i] = (unsigned char)(i * 7);
    /* A page that was never touched can not be read from a probe: touch the texts. */
    sum += strlen(first.text) + strlen(second.text) + strlen(hello);
    if (argc > 2 && !strcmp(argv[2], "wait") && getchar() == EOF)
        return 1;
    for (long i = 0; i < count; i++) {
        sum += (size_t)visit(&first, 5, hello, &third, &large);
        sum += (size_t)six(1, 20, 300, 4000, 50000, 600000);
        sum += answer((unsigned long)i);
    }
    printf("done %zu\n", sum);
    return 0;
}
