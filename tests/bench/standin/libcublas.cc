// A stand-in for NVIDIA's libcublas.so.12, on a processor, beside the stand-in for libcuda, whose memory is the host's.
//
// It multiplies as the documentation of cublasSgemm and cublasGemmEx says: matrices lie column by column, each with its
// leading dimension, a factor may be taken transposed, C becomes alpha A B + beta C. What the library refuses, it
// refuses. Factors are rounded as a precision has them, so that float32 by way of TF32 shows.
//
// NVIDIA's header declares these functions where it is installed (it comes in a wheel of 580 MB); else the declarations
// below do, which a test holds against the header where that is.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#if __has_include(<cublas_v2.h>)
// What the header has pointers to alone; their own headers need those of another wheel.
#define __CUDA_FP16_H__
#define __CUDA_BF16_H__
struct __half;
struct __half2;
struct __nv_bfloat16;
#include <cublas_v2.h>
#else
typedef struct cublasContext *cublasHandle_t;
enum cublasStatus_t { CUBLAS_STATUS_SUCCESS = 0, CUBLAS_STATUS_NOT_INITIALIZED = 1, CUBLAS_STATUS_INVALID_VALUE = 7,
                      CUBLAS_STATUS_NOT_SUPPORTED = 15 };
enum cublasOperation_t { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1, CUBLAS_OP_C = 2 };
enum cublasComputeType_t { CUBLAS_COMPUTE_32F = 68, CUBLAS_COMPUTE_32F_FAST_TF32 = 77 };
enum cublasGemmAlgo_t { CUBLAS_GEMM_DEFAULT = -1 };
enum cudaDataType { CUDA_R_32F = 0, CUDA_R_16F = 2 };
#define CUBLASWINAPI
extern "C" {
cublasStatus_t cublasCreate_v2(cublasHandle_t *);
cublasStatus_t cublasDestroy_v2(cublasHandle_t);
cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int *);
cublasStatus_t cublasSgemm_v2(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const float *,
                              const float *, int, const float *, int, const float *, float *, int);
cublasStatus_t cublasGemmEx(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int, const void *,
                            const void *, cudaDataType, int, const void *, cudaDataType, int, const void *, void *,
                            cudaDataType, int, cublasComputeType_t, cublasGemmAlgo_t);
}
#endif

static float exact(const void *place, long at) { return static_cast<const float *>(place)[at]; }
static float tf32(const void *place, long at) {
    float number = exact(place, at);
    uint32_t bits;
    std::memcpy(&bits, &number, 4);
    bits &= ~0x1fffu; // ten bits behind the point
    std::memcpy(&number, &bits, 4);
    return number;
}
static float half(const void *place, long at) {
    uint16_t bits = static_cast<const uint16_t *>(place)[at];
    int exponent = bits >> 10 & 31;
    float size = exponent ? std::ldexp(1024 + (bits & 1023), exponent - 25) : std::ldexp(bits & 1023, -24);
    return bits >> 15 ? -size : size;
}

using reading = float (*)(const void *, long);
struct factor {
    const void *place;
    int leading;
    bool turned;
    reading read;
    float at(int row, int column) const { return turned ? read(place, column + (long)row * leading) : read(place, row + (long)column * leading); }
};

static int context;
static bool wrong(cublasHandle_t handle) { return handle != reinterpret_cast<cublasHandle_t>(&context); }
static cublasStatus_t multiplied(
    cublasHandle_t handle, int m, int n, int k, float alpha, factor a, factor b, float beta, float *c, int ldc) {
    if (wrong(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (m < 0 || n < 0 || k < 0 || a.leading < (a.turned ? k : m) || b.leading < (b.turned ? n : k) || ldc < m)
        return CUBLAS_STATUS_INVALID_VALUE;
    for (int column = 0; column < n; column++)
        for (int row = 0; row < m; row++) {
            float sum = 0;
            for (int i = 0; i < k; i++) sum += a.at(row, i) * b.at(i, column);
            float *out = c + row + (long)column * ldc;
            *out = beta == 0 ? alpha * sum : alpha * sum + beta * *out;
        }
    // A library whose last rows are now and then wrong, to be found out.
    if (std::getenv("STANDIN_WRONG_PRODUCT")) c[(long)(n / 2) * ldc + m / 3] += 1;
    return CUBLAS_STATUS_SUCCESS;
}

extern "C" {
cublasStatus_t CUBLASWINAPI cublasCreate_v2(cublasHandle_t *handle) {
    *handle = reinterpret_cast<cublasHandle_t>(&context);
    return std::getenv("STANDIN_NO_CUBLAS") ? CUBLAS_STATUS_NOT_INITIALIZED : CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t CUBLASWINAPI cublasDestroy_v2(cublasHandle_t handle) {
    return wrong(handle) ? CUBLAS_STATUS_NOT_INITIALIZED : CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t CUBLASWINAPI cublasGetVersion_v2(cublasHandle_t handle, int *version) {
    *version = 120903;
    return wrong(handle) ? CUBLAS_STATUS_NOT_INITIALIZED : CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t CUBLASWINAPI cublasSgemm_v2(
    cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k, const float *alpha,
    const float *A, int lda, const float *B, int ldb, const float *beta, float *C, int ldc) {
    factor a{A, lda, transa != CUBLAS_OP_N, exact}, b{B, ldb, transb != CUBLAS_OP_N, exact};
    return multiplied(handle, m, n, k, *alpha, a, b, *beta, C, ldc);
}
cublasStatus_t CUBLASWINAPI cublasGemmEx(
    cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k, const void *alpha,
    const void *A, cudaDataType Atype, int lda, const void *B, cudaDataType Btype, int ldb, const void *beta, void *C,
    cudaDataType Ctype, int ldc, cublasComputeType_t computeType, cublasGemmAlgo_t algo) {
    bool fast = computeType == CUBLAS_COMPUTE_32F_FAST_TF32;
    if (Atype != Btype || Ctype != CUDA_R_32F || algo != CUBLAS_GEMM_DEFAULT || (!fast && computeType != CUBLAS_COMPUTE_32F)
        || (Atype != CUDA_R_32F && (Atype != CUDA_R_16F || fast)))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    reading read = Atype == CUDA_R_16F ? half : fast ? tf32 : exact;
    factor a{A, lda, transa != CUBLAS_OP_N, read}, b{B, ldb, transb != CUBLAS_OP_N, read};
    const float one = *static_cast<const float *>(alpha), other = *static_cast<const float *>(beta);
    return multiplied(handle, m, n, k, one, a, b, other, static_cast<float *>(C), ldc);
}
}
