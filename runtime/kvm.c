/* See kvm.h. */
#include "kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

enum { MEMORY_SIZE = 0x10000, CODE_AT = 0x1000, PML4 = 0x2000, PDPT = 0x3000, PD = 0x4000 };
enum { PORT = 0x10, WORD = 42, SECONDS = 2 };

/* CR0: PE, MP, ET, NE, WP, AM, PG. CR4: PAE, OSFXSR, OSXMMEXCPT. EFER: LME, LMA. Pages: present, writable; the last is large. */
#define CR0_LONG  0x80050033ULL
#define CR4_LONG  0x620ULL
#define EFER_LONG 0x500ULL
#define TABLE     0x3ULL
#define LARGE     0x83ULL

/* The steps of the child, told by its exit status. */
enum step { RAN, VERSION, MACHINE, MEMORY, CPU, REGISTERS, OUTPUT, HALT, STEPS };
static const char *const step_name[STEPS] = {"",
                                             "KVM_GET_API_VERSION",
                                             "KVM_CREATE_VM",
                                             "KVM_SET_USER_MEMORY_REGION",
                                             "KVM_CREATE_VCPU",
                                             "registers",
                                             "the first output",
                                             "the guest's halt"};

/* pxor xmm0, xmm0; cpuid; mov al, 42; out 0x10, al; hlt. Kernels begin so: what only emulates small code fails here. */
static const uint8_t code[] = {0x66, 0x0f, 0xef, 0xc0, 0x0f, 0xa2, 0xb0, WORD, 0xe6, PORT, 0xf4};

static void write_memory(uint8_t *memory)
{
    uint64_t to_pdpt = PDPT | TABLE, to_pd = PD | TABLE, first = LARGE;

    memcpy(memory + CODE_AT, code, sizeof(code));
    memcpy(memory + PML4, &to_pdpt, sizeof(to_pdpt));
    memcpy(memory + PDPT, &to_pd, sizeof(to_pd));
    memcpy(memory + PD, &first, sizeof(first));
}

/* As a kernel is entered in 64-bit mode, with the first 2 MiB mapped to themselves. */
static bool set_registers(int cpu)
{
    struct kvm_segment text = {
        .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
    struct kvm_segment data = {
        .limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
    struct kvm_regs registers = {.rip = CODE_AT, .rflags = 2, .rsp = MEMORY_SIZE};
    struct kvm_sregs all;

    if (ioctl(cpu, KVM_GET_SREGS, &all) < 0)
        return false;
    all.cs = text;
    all.ds = all.es = all.fs = all.gs = all.ss = data;
    all.cr0 = CR0_LONG;
    all.cr3 = PML4;
    all.cr4 = CR4_LONG;
    all.efer = EFER_LONG;
    return ioctl(cpu, KVM_SET_SREGS, &all) == 0 && ioctl(cpu, KVM_SET_REGS, &registers) == 0;
}

static enum step run_guest(int kvm)
{
    struct kvm_userspace_memory_region region = {.memory_size = MEMORY_SIZE};
    int vm, cpu;
    long size;
    struct kvm_run *run;
    void *memory;

    if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
        return VERSION;
    if ((vm = ioctl(kvm, KVM_CREATE_VM, 0)) < 0)
        return MACHINE;
    memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return MEMORY;
    write_memory(memory);
    region.userspace_addr = (uintptr_t)memory;
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return MEMORY;
    cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (cpu < 0 || size < (long)sizeof(*run))
        return CPU;
    run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    if (run == MAP_FAILED)
        return CPU;
    if (!set_registers(cpu))
        return REGISTERS;
    if (ioctl(cpu, KVM_RUN, 0) < 0 || run->exit_reason != KVM_EXIT_IO || run->io.port != PORT ||
        *((uint8_t *)run + run->io.data_offset) != WORD)
        return OUTPUT;
    if (ioctl(cpu, KVM_RUN, 0) < 0 || run->exit_reason != KVM_EXIT_HLT)
        return HALT;
    return RAN;
}

int bg_kvm_probe(struct bg_err *err)
{
    bg_autofd int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int status;
    pid_t child;

    if (kvm < 0 && (errno == EACCES || errno == EPERM))
        return bg_fail(err, "kvm.denied", "/dev/kvm may not be opened");
    if (kvm < 0)
        return bg_fail(err, "kvm.absent", "/dev/kvm: %s", strerror(errno));
    child = fork();
    if (child < 0)
        return bg_fail_sys(err, errno, "fork");
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(SECONDS);
        _exit((int)run_guest(kvm));
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return bg_fail_sys(err, errno, "wait for the guest's process");
    if (WIFSIGNALED(status))
        return bg_fail(err, "kvm.broken", "a guest of five instructions did not end (signal %d)",
                       WTERMSIG(status));
    if (WEXITSTATUS(status) == RAN)
        return 0;
    return bg_fail(err, "kvm.broken", "a guest of five instructions does not run: %s",
                   WEXITSTATUS(status) < STEPS ? step_name[WEXITSTATUS(status)] : "?");
}
