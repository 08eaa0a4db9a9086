/* libFuzzer: any text decodes into the largest schema or fails with a placed or unplaced error; what
 * was decoded prints as JSON that decodes again to the same text; nothing leaks. */
#include "config.h"
#include "value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const struct bg_schema *schema, const char *text, size_t len)
{
    _Alignas(max_align_t) char object[sizeof(struct bg_config)] = {0}, again[sizeof object] = {0};
    struct bg_json json;
    struct bg_buf first = {0}, second = {0};
    bg_json_init(&json, text, len);
    if (bg_schema_decode(schema, &json, object) < 0) {
        assert(json.failed && json.error[0]);
        return;
    }
    bg_schema_encode(schema, object, &first);
    bg_schema_free(schema, object);
    bg_json_init(&json, first.data, first.len);
    if (bg_schema_decode(schema, &json, again) == 0) {
        bg_schema_encode(schema, again, &second);
        assert(strcmp(first.data, second.data) == 0);
        bg_schema_free(schema, again);
        bg_buf_free(&second);
    }
    bg_buf_free(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bg_value *value;
    struct bg_json json;
    const char *text = (const char *)data;
    decode(&bg_config_schema, text, size);
    decode(&bg_snapshot_load_schema, text, size);
    bg_json_init(&json, text, size);
    if (bg_value_parse(&json, &value) == 0) {
        struct bg_buf out = {0};
        struct bg_value *copy = bg_value_copy(value);
        assert(copy);
        bg_value_merge(&copy, value);
        bg_value_print(copy, &out);
        bg_value_free(copy);
        bg_buf_free(&out);
    }
    return 0;
}
