/*
 * The smallest test harness that tells what failed where. A test program calls its cases from main(),
 * each a function without arguments, and returns test_status().
 */
#ifndef BG_TEST_H
#define BG_TEST_H

#include <stdio.h>
#include <string.h>

static int test_failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #condition);  \
            test_failures++;                                                                       \
        }                                                                                          \
    } while (0)

#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *actual_ = (actual), *expected_ = (expected);                                   \
        if (strcmp(actual_, expected_) != 0) {                                                     \
            fprintf(stderr, "%s:%d: %s: \"%s\", expected \"%s\"\n", __FILE__, __LINE__, __func__,  \
                    actual_, expected_);                                                           \
            test_failures++;                                                                       \
        }                                                                                          \
    } while (0)

static inline int test_status(void)
{
    return test_failures == 0 ? 0 : 1;
}

#endif
