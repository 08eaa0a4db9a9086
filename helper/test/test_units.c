/* The helper's pure parts: the wire codec over every operation, names, records, /proc, digests. */
#include "../../runtime/wire_client.h"
#include "../names.h"
#include "../proc.h"
#include "../record.h"
#include "../server.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int failures, checks;
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        checks++;                                                                                  \
        if (!(condition)) {                                                                        \
            failures++;                                                                            \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                         \
        }                                                                                          \
    } while (0)

/* A value that its type accepts; fds are of /dev/null. */
static void plausible(const struct bg_field *f, void *at, unsigned seed)
{
    size_t n;
    const struct bg_enum_value *values = bg_type_values(f->type, &n);
    switch (f->type) {
    case BG_T_VMID:
        snprintf(at, 9, "vm%06u", seed);
        break;
    case BG_T_JAILID:
        snprintf(at, 17, "jail%012u", seed);
        break;
    case BG_T_NAME:
        snprintf(at, 17, "bgx-t%03x", seed);
        break;
    case BG_T_DIGEST:
        memset(at, (int)seed, 32);
        break;
    case BG_T_BOOTID:
        memset(at, (int)seed, 16);
        break;
    case BG_T_MAC:
        memset(at, (int)seed, 6);
        break;
    case BG_T_U64:
        *(uint64_t *)at = UINT64_C(0x0102030405060708) * seed;
        break;
    case BG_T_FD:
    case BG_T_OPTFD:
        *(int *)at = open("/dev/null", O_RDONLY);
        break;
    case BG_T_SLOT:
        *(uint32_t *)at = seed % 4092;
        break;
    default:
        *(uint32_t *)at = values ? values[seed % n].number : seed * 65537;
    }
}

static bool same(const struct bg_field *f, const void *a, const void *b)
{
    if (f->type == BG_T_FD || f->type == BG_T_OPTFD)
        return *(const int *)a == *(const int *)b;
    return memcmp(a, b, BG_FIELD_STRIDE) == 0;
}

static void round_trip(const struct bg_op_row *op, unsigned seed)
{
    union bg_args args, back;
    struct bg_wire w;
    struct bg_header h;
    memset(&args, 0, sizeof(args));
    bg_wire_init(&w);
    for (size_t i = 0; i < op->nargs; i++)
        plausible(&op->args[i], bg_field_at(&args, i), seed + (unsigned)i);
    CHECK(bg_encode_request(&w, op, seed, &args));
    CHECK(bg_decode_header(&w, &h) && h.op == op->number && h.id == seed);
    CHECK(bg_decode(&w, op->args, op->nargs, &back));
    for (size_t i = 0; i < op->nargs; i++)
        CHECK(same(&op->args[i], bg_field_at(&args, i), bg_field_at(&back, i)));
    /* Every shorter message and one trailing byte are refused, whatever they hold. */
    size_t length = w.length;
    for (w.length = 0; w.length < length; w.length++)
        CHECK(!bg_decode_header(&w, &h));
    w.length = length + 1;
    CHECK(!bg_decode_header(&w, &h));
    w.bytes[16]++; /* now the header admits the trailing byte; the operation does not */
    CHECK(bg_decode_header(&w, &h) && !bg_decode(&w, op->args, op->nargs, &back));
    w.length = length;
    w.bytes[16]--;
    /* One fd fewer than announced, and one more than the operation takes. */
    if (w.nfds > 0) {
        w.nfds--;
        CHECK(!bg_decode_header(&w, &h));
        w.nfds++;
    }
    w.fds[w.nfds++] = open("/dev/null", O_RDONLY);
    w.bytes[12]++;
    CHECK(bg_decode_header(&w, &h) && !bg_decode(&w, op->args, op->nargs, &back));
    bg_wire_close(&w);
}

static void round_trip_reply(const struct bg_op_row *op, unsigned seed)
{
    union bg_results results, back;
    struct bg_reply reply = {0}, told;
    struct bg_wire w;
    struct bg_header h;
    memset(&results, 0, sizeof(results));
    bg_wire_init(&w);
    for (size_t i = 0; i < op->nresults; i++)
        plausible(&op->results[i], bg_field_at(&results, i), seed + (unsigned)i);
    CHECK(bg_encode_reply(&w, op, seed, &reply, &results));
    CHECK(bg_decode_header(&w, &h) && bg_decode_reply(&w, op, &told, &back) && told.code == BG_OK);
    for (size_t i = 0; i < op->nresults; i++)
        CHECK(same(&op->results[i], bg_field_at(&results, i), bg_field_at(&back, i)));
    bg_wire_close(&w);
    bg_wire_init(&w);
    reply = (struct bg_reply){BG_SYSTEM, 28, "step: no space"};
    CHECK(bg_encode_reply(&w, op, seed, &reply, &results));
    CHECK(bg_decode_header(&w, &h) && bg_decode_reply(&w, op, &told, &back));
    CHECK(told.code == BG_SYSTEM && told.sys == 28 && strcmp(told.message, "step: no space") == 0);
    w.bytes[w.length - 1] = '\n';
    CHECK(bg_decode_header(&w, &h) && !bg_decode_reply(&w, op, &told, &back));
}

static void test_wire_refuses(void)
{
    const struct bg_op_row *op = bg_op_by_name("vm_reserve");
    union bg_args args, back;
    struct bg_header h;
    static const char *const bad[] = {"ABCDEFGH", "../../..",  "a b c d ",
                                      "aaaaaaa",  "a\nbbbbbb", "a/bbbbbb"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bg_wire w;
        bg_wire_init(&w);
        memset(&args, 0, sizeof(args));
        strcpy(args.vm_reserve.vm.s, "aaaaaaaa");
        CHECK(bg_encode_request(&w, op, 1, &args));
        memcpy(w.bytes + BG_WIRE_HEADER, bad[i], 8);
        CHECK(bg_decode_header(&w, &h) && !bg_decode(&w, op->args, op->nargs, &back) &&
              strcmp(w.field, "vm") == 0);
        bg_wire_init(&w);
        strcpy(args.vm_reserve.vm.s, bad[i]);
        CHECK(!bg_encode_request(&w, op, 1, &args));
    }
    struct bg_wire w;
    bg_wire_init(&w);
    strcpy(args.vm_reserve.vm.s, "aaaaaaaa");
    args.vm_reserve.slot = 4092;
    CHECK(!bg_encode_request(&w, op, 1, &args) && strcmp(w.field, "slot") == 0);
    args.vm_reserve.slot = 4091;
    bg_wire_init(&w);
    CHECK(bg_encode_request(&w, op, 1, &args));
    w.bytes[0] ^= 1;
    CHECK(!bg_decode_header(&w, &h) && strcmp(w.field, "magic") == 0);
    w.bytes[0] ^= 1;
    w.bytes[4]++;
    CHECK(!bg_decode_header(&w, &h) && strcmp(w.field, "version") == 0);
    op = bg_op_by_name("jail_signal");
    bg_wire_init(&w);
    memset(&args, 0, sizeof(args));
    strcpy(args.jail_signal.vm.s, "aaaaaaaa");
    args.jail_signal.signal = 2;
    CHECK(!bg_encode_request(&w, op, 1, &args) && strcmp(w.field, "signal") == 0);
}

static void test_table(void)
{
    CHECK(bg_ops_count <= 25);
    for (size_t i = 0; i < bg_ops_count; i++) {
        CHECK(bg_op_by_number(bg_ops[i].number) == &bg_ops[i]); /* numbers are unique */
        CHECK(bg_op_by_name(bg_ops[i].name) == &bg_ops[i]);
        CHECK(bg_op_texts[i].doc[0] && bg_op_texts[i].safe[0]);
    }
    for (int type = 0; type < BG_T_COUNT; type++) {
        size_t n;
        const struct bg_enum_value *values = bg_type_values((enum bg_type)type, &n);
        for (size_t i = 0; values && i < n; i++)
            CHECK(values[i].number == i); /* the codec knows the greatest only */
    }
    CHECK(!bg_op_by_number(0) && !bg_op_by_number(9999));
    for (size_t i = 0; i < bg_codes_count; i++)
        CHECK(strcmp(bg_code_name(bg_codes[i].number), bg_codes[i].name) == 0);
}

static void test_names(void)
{
    static const char *const bad[] = {"", "Main", "1x", "toolongxx", "a-b", "root", "a/b", "a b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!bg_valid_instance(bad[i]));
    CHECK(bg_valid_instance("main") && bg_valid_instance("a") && bg_valid_instance("abcdefg8"));
    struct bg_net_names n = bg_net_names("abcdefgh", 0x0a570000, 4091);
    CHECK(strcmp(n.tap, "bgabcdefgh-tffb") == 0 && strlen(n.tap) < 16 &&
          strcmp(n.bridge, "bgabcdefgh-br") == 0);
    CHECK(n.gateway == 0x0a570001 && n.address == 0x0a570ffd);
    CHECK(memcmp(n.mac, "\x02\xb6\x0a\x57\x0f\xfd", 6) == 0 &&
          memcmp(n.bridge_mac, "\x02\xb6\x0a\x57\x00\x01", 6) == 0);
    CHECK(bg_slots(20) == 4092 && bg_slots(24) == 252 && bg_slots(16) == 4092);
    CHECK(bg_private_subnet(0x0a570000, 20) && bg_private_subnet(0xac100000, 16) &&
          bg_private_subnet(0xc0a80100, 24));
    CHECK(!bg_private_subnet(0x08080000, 20) && !bg_private_subnet(0x0a570001, 20) &&
          !bg_private_subnet(0x0a000000, 8));
    CHECK(!bg_private_subnet(0xac200000, 16) && !bg_private_subnet(0x7f000000, 16) &&
          !bg_private_subnet(0x0a570000, 25));
    CHECK(strcmp(bg_run_root("main").s, "/run/banger-root") == 0);
    CHECK(strcmp(bg_run_root("x").s, "/run/banger-root-x") == 0);
    CHECK(strcmp(bg_state_root("main").s, "/var/lib/banger-root/main") == 0);
}

static void test_record(void)
{
    struct bg_run run = {.jail = "0123456789abcdef", .pid = 7, .start = UINT64_MAX}, back;
    struct {
        struct bg_run run;
        uint64_t added;
    } longer;
    char folder[] = "/tmp/banger-record-XXXXXX";
    uint8_t bytes[BG_RECORD_MAX];
    CHECK(mkdtemp(folder) != NULL);
    int dir = open(folder, O_RDONLY | O_DIRECTORY);
    CHECK(bg_record_read(dir, "none", &back, sizeof(back)) == -ENOENT);
    CHECK(bg_record_write(dir, "r", &run, sizeof(run), true) == 0);
    CHECK(bg_record_read(dir, "r", &back, sizeof(back)) == 0 &&
          memcmp(&back, &run, sizeof(run)) == 0);
    memset(&longer, 0xff, sizeof(longer)); /* of a later release: what is new is zero */
    CHECK(bg_record_read(dir, "r", &longer, sizeof(longer)) == 0 && longer.added == 0);
    CHECK(bg_record_read(dir, "r", &back, 17) == 0); /* of an earlier one */
    int fd = openat(dir, "r", O_RDWR);
    ssize_t n = read(fd, bytes, sizeof(bytes));
    /* Every single flipped bit and every shortening is noticed. */
    for (ssize_t i = 0; i < n; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            CHECK(pwrite(fd, bytes, (size_t)n, 0) == n &&
                  bg_record_read(dir, "r", &back, sizeof(back)) == -EBADMSG);
            bytes[i] ^= (uint8_t)(1 << bit);
        }
    CHECK(pwrite(fd, bytes, (size_t)n, 0) == n &&
          bg_record_read(dir, "r", &back, sizeof(back)) == 0);
    while (n > 0)
        CHECK(ftruncate(fd, --n) == 0 && bg_record_read(dir, "r", &back, sizeof(back)) == -EBADMSG);
    memset(bytes, 0, sizeof(bytes));
    for (n = 0; n <= (ssize_t)sizeof(bytes); n += 4)
        CHECK(pwrite(fd, bytes, (size_t)n, 0) == n &&
              bg_record_read(dir, "r", &back, sizeof(back)) == -EBADMSG);
    close(fd);
    unlinkat(dir, "r", 0);
    close(dir);
    CHECK(rmdir(folder) == 0); /* nothing was left beside the record */
}

static void test_proc(void)
{
    struct bg_proc p;
    CHECK(bg_proc_parse(
        &p, "7 (a) R 1 (x) S 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 4242 22 23"));
    CHECK(p.state == 'S' && p.start == 4242);
    CHECK(!bg_proc_parse(&p, "7 (a") && !bg_proc_parse(&p, "") && !bg_proc_parse(&p, "7 (a) R 1"));
    CHECK(bg_proc_read(getpid(), &p) == 0 && p.start > 0);
    uid_t uid;
    CHECK(bg_proc_parse_uid(&uid, "Name:\tx\\nUid:\t0\nUid:\t7\t8\t9\t10\n") && uid == 7);
    CHECK(!bg_proc_parse_uid(&uid, "Name:\tx\n") && !bg_proc_parse_uid(&uid, "\nUid:\tx"));
    int fd = bg_proc_open(getpid(), p.start, getuid(), 0, 0);
    CHECK(fd >= 0);
    close(fd);
    CHECK(bg_proc_open(getpid(), p.start + 1, getuid(), 0, 0) == -3 /* ESRCH */);
    CHECK(bg_proc_open(getpid(), p.start, getuid() + 1, 0, 0) == -1 /* EPERM */);
}

static void test_sha256(void)
{
    static const uint8_t abc[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                    0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                    0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    static uint8_t bytes[1 << 20] = "begin";
    uint8_t copied[32], whole[32];
    int text = memfd_create("text", 0), from = memfd_create("from", 0), to = memfd_create("to", 0);
    CHECK(write(text, "abc", 3) == 3 && bg_digest(text, whole) == 0 && memcmp(whole, abc, 32) == 0);
    memcpy(bytes + sizeof(bytes) - 3, "end", 3);
    CHECK(pwrite(text, bytes, sizeof(bytes), 0) == sizeof(bytes) && bg_digest(text, whole) == 0);
    CHECK(pwrite(from, "begin", 5, 0) == 5 && pwrite(from, "end", 3, sizeof(bytes) - 3) == 3);
    CHECK(bg_copy(from, to, sizeof(bytes)) == 0 && bg_digest(to, copied) == 0);
    CHECK(memcmp(copied, whole, 32) == 0 && lseek(to, 0, SEEK_END) == sizeof(bytes));
    close(text);
    close(from);
    close(to);
}

/* A writer that does not append, as Firecracker's, and what a VMM can put in a log's place. */
static void test_log_bound(void)
{
    static char chunk[65536];
    char folder[] = "/var/tmp/banger-logs-XXXXXX", back[6];
    struct stat st;
    CHECK(mkdtemp(folder) != NULL);
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int log = openat(dir, "log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    memset(chunk, 'x', sizeof(chunk));
    for (int round = 0; round < 2; round++) {
        for (size_t n = 0; n < BG_LOG_MAX + BG_LOG_KEEP; n += sizeof(chunk))
            CHECK(write(log, chunk, sizeof(chunk)) == (ssize_t)sizeof(chunk));
        CHECK(write(log, "last\n", 5) == 5);
        CHECK(linkat(dir, "log", dir, "second", 0) == 0);
        bg_log_bound(dir, "log"); /* it may be anything by that name */
        CHECK(fstat(log, &st) == 0 && st.st_blocks * 512 > BG_LOG_MAX);
        CHECK(unlinkat(dir, "second", 0) == 0);
        CHECK(symlinkat("log", dir, "second") == 0);
        bg_log_bound(dir, "second");
        CHECK(fstat(log, &st) == 0 && st.st_blocks * 512 > BG_LOG_MAX);
        CHECK(unlinkat(dir, "second", 0) == 0);
        bg_log_bound(dir, "log");
        CHECK(fstat(log, &st) == 0 && st.st_blocks * 512 <= BG_LOG_KEEP + 65536);
        CHECK(lseek(log, 0, SEEK_CUR) == st.st_size);
        CHECK(pread(log, back, 5, st.st_size - 5) == 5 && memcmp(back, "last\n", 5) == 0);
        int reader = openat(dir, "log", O_RDONLY | O_CLOEXEC);
        off_t data = lseek(reader, 0, SEEK_DATA);
        CHECK(data > 0 && data <= st.st_size - BG_LOG_KEEP);
        CHECK(read(reader, back, 1) == 1 && back[0] == 'x');
        close(reader);
    }
    close(log);
    CHECK(mkfifoat(dir, "fifo", 0600) == 0);
    bg_log_bound(dir, "fifo");
    bg_log_bound(dir, "absent");
    CHECK(unlinkat(dir, "log", 0) == 0 && unlinkat(dir, "fifo", 0) == 0 && rmdir(folder) == 0);
    close(dir);
}

int main(void)
{
    for (size_t i = 0; i < bg_ops_count; i++)
        for (unsigned seed = 1; seed < 20; seed++) {
            round_trip(&bg_ops[i], seed);
            round_trip_reply(&bg_ops[i], seed);
        }
    test_wire_refuses();
    test_table();
    test_names();
    test_record();
    test_proc();
    test_sha256();
    test_log_bound();
    printf("helper units: %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
