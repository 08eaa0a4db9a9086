/* The frequency of the time stamp counter, which a guest under emulation shares with the host.
 * A guest kernel must be told (tsc_early_khz=): its own calibration against an emulated timer fails
 * now and then, and then it hangs. Read from /proc nowhere: a jail has none. */
#ifndef BG_QEMU_TSC_H
#define BG_QEMU_TSC_H

/* Begins the measurement; the longer ago, the better the result. */
void bg_tsc_begin(void);
/* In kHz; sleeps when less than 10 ms have passed since the beginning. */
unsigned long bg_tsc_khz(void);

#endif
