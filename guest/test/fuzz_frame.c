/* A host that says anything: the payloads of EXEC and ENTRY. */
#include <stdlib.h>
#include <string.h>

#include "../agent/command.h"
#include "../agent/copy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* A command's strings live as long as its process: not to be called leaks. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bg_command command;
    static struct bg_entry entry;
    const char *what;
    memset(&command, 0, sizeof command);
    bg_command_parse(data, size, &command, &what);
    for (size_t i = 0; i < command.argc; i++)
        free(command.argv[i]);
    for (size_t i = 0; i < command.envc; i++)
        free(command.env[i]);
    if (bg_entry_parse(data, size, &entry) == 0 && strncmp(entry.path, "../", 3) == 0)
        abort();
    return 0;
}
