/* The calls of the API: one row of the route table (api.c) per call, one function per row. A body
 * is decoded by the row's schema before anything else is judged, then the row's `check` sees it,
 * then the phase is checked, then `run` acts. */
#ifndef BG_ENGINE_API_H
#define BG_ENGINE_API_H

#include "vm.h"

struct bg_call {
    struct bg_vm *vm;
    const struct bg_request *request;
    const char *id; /* the path's second segment; NULL: none */
    void *body;     /* decoded; run may take members out and zero them */
    struct bg_answer *answer;
};

/* Answers 400 {"fault_message": text}. Always false, for `return bg_fault(...)` in a check. */
bool bg_fault(struct bg_answer *answer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Answers 200 with the object as JSON. */
void bg_answer_object(struct bg_answer *answer, const struct bg_schema *schema, const void *object);

/* Serves one request (a bg_serve_fn; arg is the struct bg_vm). */
void bg_api_serve(void *arg, const struct bg_request *request, struct bg_answer *answer);

/* Applies a --config-file and starts. 0, or -1 with the text of the failure. */
int bg_api_apply_file(struct bg_vm *vm, const char *text, size_t len, struct bg_vmm_error *error);

/* Resources: these are also what --config-file and a snapshot's load use. Each takes the described
 * members over (and zeroes them) when it returns 0; else -1, and answer holds the fault. */
int bg_set_machine(struct bg_vm *vm, struct bg_machine *machine, struct bg_answer *answer);
int bg_set_boot_source(struct bg_vm *vm, struct bg_boot_source *source, struct bg_answer *answer);
int bg_set_drive(struct bg_vm *vm, struct bg_drive *drive, struct bg_answer *answer);
int bg_set_net(struct bg_vm *vm, struct bg_net *net, struct bg_answer *answer);
int bg_set_vsock(struct bg_vm *vm, struct bg_vsock_device *vsock, struct bg_answer *answer);
int bg_set_mmds(struct bg_vm *vm, struct bg_mmds_config *mmds, struct bg_answer *answer);
int bg_set_balloon(struct bg_vm *vm, struct bg_balloon *balloon, struct bg_answer *answer);
int bg_set_pmem(struct bg_vm *vm, struct bg_pmem *pmem, struct bg_answer *answer);
int bg_set_hotplug(struct bg_vm *vm, struct bg_hotplug *hotplug, struct bg_answer *answer);
int bg_set_logger(struct bg_logger *logger, struct bg_answer *answer);
int bg_set_metrics(struct bg_metrics_config *metrics, struct bg_answer *answer);
int bg_start(struct bg_vm *vm, struct bg_answer *answer);
/* What a backend needs; serial_fd is the caller's to close. 0, or -1 with the text. */
int bg_vm_params(struct bg_vm *vm, struct bg_vmm_params *ret, struct bg_vmm_error *error);
/* Opens a drive's file: -errno, or the descriptor. */
int bg_open_drive(const char *path, bool read_only);
/* Attaches a tap; -1 with the text after "Could not create the network device: ". */
int bg_open_tap(const char *name, struct bg_vmm_error *error);
/* Merges a limiter's update into the one that owner holds as field: absent buckets stay. */
void bg_limiter_update(void *owner, unsigned field, struct bg_limiter *have,
                       const struct bg_limiter *update);
/* The exit callback of the VMM; arg is the struct bg_vm. */
void bg_vm_exited(void *arg, int status);

/* The row functions, by file. */
#define BG_ROW(name)   void name(struct bg_call *call)
#define BG_CHECK(name) bool name(struct bg_call *call)
/* machine.c */
BG_ROW(bg_put_machine);
BG_ROW(bg_patch_machine);
BG_ROW(bg_get_machine);
BG_ROW(bg_put_boot_source);
BG_ROW(bg_put_cpu_config);
BG_CHECK(bg_check_machine);
BG_CHECK(bg_check_machine_update);
/* drives.c */
BG_ROW(bg_put_drive);
BG_ROW(bg_patch_drive);
BG_CHECK(bg_check_drive);
BG_CHECK(bg_check_drive_update);
BG_ROW(bg_delete_device);
/* nets.c */
BG_ROW(bg_put_net);
BG_ROW(bg_patch_net);
BG_CHECK(bg_check_net);
BG_CHECK(bg_check_net_update);
/* vsocks.c */
BG_ROW(bg_put_vsock);
BG_CHECK(bg_check_vsock);
/* mmds.c */
BG_ROW(bg_put_mmds_config);
BG_CHECK(bg_check_mmds_config);
BG_ROW(bg_put_mmds);
BG_ROW(bg_patch_mmds);
BG_ROW(bg_get_mmds);
BG_CHECK(bg_check_mmds);
/* devices.c */
BG_ROW(bg_put_balloon);
BG_ROW(bg_get_balloon);
BG_ROW(bg_balloon_absent);
BG_ROW(bg_get_balloon_hinting);
BG_ROW(bg_patch_balloon_stats);
BG_ROW(bg_put_entropy);
BG_ROW(bg_put_pmem);
BG_ROW(bg_patch_pmem);
BG_CHECK(bg_check_pmem);
BG_CHECK(bg_check_pmem_update);
BG_ROW(bg_put_hotplug);
BG_ROW(bg_get_hotplug);
/* observe.c */
BG_ROW(bg_put_logger);
BG_ROW(bg_put_metrics);
BG_ROW(bg_put_serial);
/* instance.c */
BG_ROW(bg_get_instance);
BG_ROW(bg_get_version);
BG_ROW(bg_get_config);
BG_ROW(bg_put_action);
BG_CHECK(bg_check_action);
BG_ROW(bg_patch_vm);
/* snapshot.c */
BG_ROW(bg_put_snapshot_create);
BG_ROW(bg_put_snapshot_load);
BG_CHECK(bg_check_snapshot_load);

#endif
