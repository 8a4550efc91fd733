/* SPDX-License-Identifier: Apache-2.0 */
/* The test driver's side: reading what it tells of its GPUs, asking it for a change. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smi.h"

#define GPUS "/proc/driver/nvidia/gpus"

struct gpu gpus[MAX_GPUS];
unsigned gpu_count;

static FILE *open_of(const struct gpu *gpu, const char *name)
{
    char path[96];

    snprintf(path, sizeof path, GPUS "/%s/%s", gpu->address, name);
    return fopen(path, "r");
}

static void read_information(struct gpu *gpu)
{
    FILE *file = open_of(gpu, "information");
    char line[160];

    while (file && fgets(line, sizeof line, file)) {
        sscanf(line, "Model: %63[^\n]", gpu->model);
        sscanf(line, "Framebuffer of the double: %u", &gpu->memory_mib);
    }
    if (file)
        fclose(file);
}

static struct instance *instance_of(struct gpu *gpu, unsigned id)
{
    for (unsigned i = 0; i < gpu->instance_count; i++)
        if (gpu->instances[i].id == id)
            return &gpu->instances[i];
    return NULL;
}

static void read_mig_line(struct gpu *gpu, const char *line)
{
    struct profile *profile = &gpu->profiles[gpu->profile_count];
    struct instance *made = &gpu->instances[gpu->instance_count];
    struct compute part;
    unsigned owner;
    int mode, pending;

    if (sscanf(line, "mode %d %d", &mode, &pending) == 2) {
        gpu->has_mig = true;
        gpu->mig = mode;
        gpu->pending = pending;
    } else if (gpu->profile_count < MAX_PROFILES &&
               sscanf(line, "profile %d %31s %u %u %x %u %u %u %u %u %u %u %u %u", &profile->id, profile->name,
                      &profile->compute, &profile->size, &profile->starts, &profile->total, &profile->free,
                      &profile->memory_mib, &profile->sm, &profile->decoders, &profile->encoders, &profile->copy,
                      &profile->jpeg, &profile->optical) == 14) {
        gpu->profile_count++;
    } else if (gpu->instance_count < MAX_INSTANCES &&
               sscanf(line, "instance %u %d %31s %u %u %u", &made->id, &made->profile, made->name, &made->start,
                      &made->size, &made->slices) == 6) {
        made->count = 0;
        gpu->instance_count++;
    } else if (sscanf(line, "compute %u %u %u %u", &owner, &part.id, &part.start, &part.size) == 4) {
        made = instance_of(gpu, owner);
        if (made && made->count < MAX_COMPUTE)
            made->parts[made->count++] = part;
    }
}

void read_mig(struct gpu *gpu)
{
    FILE *file = open_of(gpu, "mig");
    char line[160];

    gpu->has_mig = false;
    gpu->profile_count = gpu->instance_count = 0;
    while (file && fgets(line, sizeof line, file))
        read_mig_line(gpu, line);
    if (file)
        fclose(file);
}

static int is_gpu(const struct dirent *entry)
{
    return isxdigit((unsigned char)entry->d_name[0]);
}

void read_gpus(void)
{
    struct dirent **found;
    int count = scandir(GPUS, &found, is_gpu, alphasort);

    for (int i = 0; i < count && gpu_count < MAX_GPUS; i++) {
        struct gpu *gpu = &gpus[gpu_count];

        snprintf(gpu->address, sizeof gpu->address, "%.15s", found[i]->d_name);
        snprintf(gpu->bus_id, sizeof gpu->bus_id, "0000%.15s", found[i]->d_name);
        for (char *each = gpu->bus_id; *each; each++)
            *each = (char)toupper((unsigned char)*each);
        gpu->index = gpu_count++;
        read_information(gpu);
        read_mig(gpu);
    }
}

int change(struct gpu *gpu, const char *form, ...)
{
    char path[96], text[64];
    int file, length, status = OK;
    va_list words;

    va_start(words, form);
    length = vsnprintf(text, sizeof text, form, words);
    va_end(words);
    snprintf(path, sizeof path, GPUS "/%s/mig", gpu->address);
    file = open(path, O_WRONLY);
    if (file < 0 || write(file, text, (size_t)length) < 0) {
        switch (errno) {
        case EACCES: status = FORBIDDEN; break;
        case EBUSY: status = IN_USE; break;
        case ENOSPC: status = NO_ROOM; break;
        case EOPNOTSUPP: status = UNSUPPORTED; break;
        case EINVAL: status = INVALID; break;
        default: status = NOT_FOUND; break;
        }
    }
    if (file >= 0)
        close(file);
    read_mig(gpu);
    return status;
}

const char *why(int status)
{
    switch (status) {
    case FORBIDDEN: return "Insufficient Permissions";
    case IN_USE: return "In use by another client";
    case NO_ROOM: return "Insufficient Resources";
    case UNSUPPORTED: return "Not Supported";
    case INVALID: return "Invalid Argument";
    default: return "Not Found";
    }
}

bool listed(const char *words, const char *word)
{
    size_t length = strlen(word);

    for (const char *each = words; each; each = strchr(each, ',') ? strchr(each, ',') + 1 : NULL)
        if (!strncasecmp(each, word, length) && (each[length] == ',' || !each[length]))
            return true;
    return false;
}

bool names(const char *words, const struct gpu *gpu)
{
    char index[12];

    snprintf(index, sizeof index, "%u", gpu->index);
    return !words || listed(words, index) || listed(words, gpu->bus_id) || listed(words, gpu->address);
}
