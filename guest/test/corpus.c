/* Runs a fuzz target over files instead of a fuzzer's inventions: what was found once is looked at in every build, also by gcc.
 * With each file go its beginnings, and the file with each of its first bytes turned over. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 65536, TURNED = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* On the heap and of exactly that size, so that a read behind the end is seen. */
static void run(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static void run_file(const char *path)
{
    static uint8_t bytes[MOST];
    FILE *f = fopen(path, "re");
    if (!f) {
        perror(path);
        exit(1);
    }
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t size = 0; size <= n; size += size < TURNED ? 1 : 97)
        run(bytes, size);
    run(bytes, n);
    for (size_t i = 0; i < n && i < TURNED; i++) {
        bytes[i] ^= 0xff;
        run(bytes, n);
        bytes[i] ^= 0xff;
    }
}

int main(void)
{
    int files = 0;
    DIR *folder = opendir(CORPUS);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        char path[600];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, CORPUS "/%s", e->d_name);
        run_file(path);
        files++;
    }
    if (folder)
        closedir(folder);
    if (files == 0)
        fprintf(stderr, "no files in " CORPUS "\n");
    return files == 0;
}
