/*
 * Whether /dev/kvm runs a guest, by running one: five instructions in 64-bit mode. A device that
 * opens is not yet a KVM that works (a nested one may run old code and fail at a kernel's).
 */
#ifndef BG_KVM_H
#define BG_KVM_H

#include "err.h"

/*
 * 0: it ran. Code "kvm.absent": there is no device; "kvm.denied": the caller may not open it;
 * "kvm.broken": it is there and does not run guests. Takes at most two seconds, in a child.
 */
int bg_kvm_probe(struct bg_err *err);

#endif
