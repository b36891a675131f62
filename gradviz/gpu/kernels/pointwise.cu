// Gradients of activations, element by element, in one launch each.

// Where the result of relu is 0, so is the gradient; a NaN lets it pass.
extern "C" __global__ void relu_input(const T* y, const T* result, T* out, long long count) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i] = A(result[i]) != 0 ? y[i] : T(0);
}
