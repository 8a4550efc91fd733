/* SPDX-License-Identifier: Apache-2.0 */
/* What the stand-in for nvidia-smi knows of a GPU, as the test driver tells it under /proc/driver/nvidia/gpus. */
#ifndef SMI_H
#define SMI_H

#include <stdbool.h>
#include <stddef.h>

enum { MAX_GPUS = 16, MAX_PROFILES = 16, MAX_INSTANCES = 16, MAX_COMPUTE = 8 };
enum { OK = 0, INVALID = 2, UNSUPPORTED = 3, FORBIDDEN = 4, NOT_FOUND = 6, NO_DRIVER = 9, IN_USE = 19, NO_ROOM = 23 };

struct profile {
    int id;
    char name[32];
    unsigned compute, size, starts, total, free;
    unsigned memory_mib, sm, decoders, encoders, copy, jpeg, optical;
};

struct compute {
    unsigned id, start, size;
};

struct instance {
    unsigned id, start, size, slices;
    int profile;
    char name[32];
    struct compute parts[MAX_COMPUTE];
    unsigned count;
};

struct gpu {
    unsigned index;
    char address[16]; /* as the kernel prints it */
    char bus_id[24];  /* as the tool prints it */
    char model[64];
    unsigned memory_mib;
    bool has_mig, mig, pending;
    struct profile profiles[MAX_PROFILES];
    unsigned profile_count;
    struct instance instances[MAX_INSTANCES]; /* in order of making */
    unsigned instance_count;
};

extern struct gpu gpus[MAX_GPUS];
extern unsigned gpu_count;

void read_gpus(void);
void read_mig(struct gpu *gpu);
/* Ask the driver for one change; 0 or the exit status that tells why not. */
int change(struct gpu *gpu, const char *form, ...);
const char *why(int status);
/* Whether `words` (indexes or bus ids, with commas) names the GPU; NULL names every one. */
bool names(const char *words, const struct gpu *gpu);
bool listed(const char *words, const char *word);
int usage(const char *form);

int manage_mig(int argc, char **argv);

#endif
