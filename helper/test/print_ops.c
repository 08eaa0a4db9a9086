/* The operations as the table of README.md; `helper/test/gates` compares. */
#include "../../runtime/wire_client.h"
#include <stdio.h>

static void list(const struct bg_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i ? " " : "", fields[i].name);
}

int main(void)
{
    puts("| operation | takes | gives | safe because |\n|---|---|---|---|");
    for (size_t i = 0; i < bg_ops_count; i++) {
        printf("| `%s` | ", bg_ops[i].name);
        list(bg_ops[i].args, bg_ops[i].nargs);
        printf(" | ");
        list(bg_ops[i].results, bg_ops[i].nresults);
        printf(" | %s |\n", bg_op_texts[i].safe);
    }
    return 0;
}
