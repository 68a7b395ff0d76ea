/* A stand-in for libedgetpu: an external delegate that takes the operation of Coral's compiler and copies the picture's
 * first channel as the mask. EDGESEG_STUB says how it misbehaves: "constructor" and "create" abort while it is loaded and
 * asked for a delegate, "refuse" gives none, "idle" takes no operation, "invoke" aborts at the third inference.
 *
 * The structs are those of tflite/core/c/common.h, as far as they are used, on 64-bit systems.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int size; int data[]; } IntArray;
typedef struct { float scale; int32_t zero_point; } Params;
typedef struct { int type; void *params; } Quantization;
typedef struct {
  int type;
  void *data;
  IntArray *dims;
  Params params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  void *delegate;
  int buffer_handle;
  bool data_is_stale, is_variable;
  Quantization quantization;
  void *sparsity;
  const IntArray *dims_signature;
} Tensor;
typedef struct { IntArray *inputs, *outputs; } Node; /* and more behind them */
struct Context;
typedef struct {
  void *(*init)(struct Context *, const char *, size_t);
  void (*free)(struct Context *, void *);
  int (*prepare)(struct Context *, Node *);
  int (*invoke)(struct Context *, Node *);
  const char *(*profiling_string)(const struct Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *registration_external, *async_kernel;
  uint64_t inplace_operator;
} Registration;
typedef struct Delegate {
  void *data;
  int (*Prepare)(struct Context *, struct Delegate *);
  void *CopyFromBufferHandle, *CopyToBufferHandle, *FreeBufferHandle;
  int64_t flags;
  void *opaque_delegate_builder;
} Delegate;
typedef struct Context {
  size_t tensors_size;
  int (*GetExecutionPlan)(struct Context *, IntArray **);
  Tensor *tensors;
  void *impl;
  void *ResizeTensor, *ReportError, *AddTensors;
  int (*GetNodeAndRegistration)(struct Context *, int, Node **, Registration **);
  int (*ReplaceNodeSubsetsWithDelegateKernels)(struct Context *, Registration, const IntArray *, Delegate *);
} Context; /* and more behind it */

static bool told(const char *what) {
  const char *order = getenv("EDGESEG_STUB");
  return order != NULL && strcmp(order, what) == 0;
}

__attribute__((constructor)) static void loaded(void) {
  if (told("constructor")) {
    fputs("F edgetpu_stub.c] HIB Error. hib_error_status = 0000000000000001\n", stderr);
    abort();
  }
}

static int invoke(Context *context, Node *node) {
  static int calls = 0;
  if (told("invoke") && ++calls == 3) {
    fputs("F usb_driver.cc:834] transfer on tag 1 failed. Abort. Deadline exceeded: USB transfer error 2\n", stderr);
    abort();
  }
  const Tensor *given = &context->tensors[node->inputs->data[0]];
  Tensor *mask = &context->tensors[node->outputs->data[0]];
  size_t channels = given->bytes / mask->bytes;
  for (size_t at = 0; at < mask->bytes / sizeof(float); at++)
    ((float *)mask->data)[at] = ((const float *)given->data)[at * channels];
  return 0;
}

static int nothing_to_do(Context *context, Node *node) { return 0; }

static int take(Context *context, Delegate *delegate) {
  IntArray *plan, *mine;
  if (context->GetExecutionPlan(context, &plan)) return 1;
  mine = calloc(1, sizeof(IntArray) + sizeof(int) * plan->size);
  for (int at = 0; at < plan->size && !told("idle"); at++) {
    Node *node;
    Registration *registration;
    if (context->GetNodeAndRegistration(context, plan->data[at], &node, &registration)) return 1;
    if (registration->custom_name && strcmp(registration->custom_name, "edgetpu-custom-op") == 0)
      mine->data[mine->size++] = plan->data[at];
  }
  Registration kernel = {.prepare = nothing_to_do, .invoke = invoke, .custom_name = "EdgeTpuDelegateStub", .version = 1};
  int status = context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, mine, delegate);
  free(mine);
  return status;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  for (size_t at = 0; at < count; at++) fprintf(stderr, "option %s = %s\n", keys[at], values[at]);
  if (told("create")) abort();
  if (told("refuse")) {
    if (report) report("No Edge TPU device is available");
    return NULL;
  }
  Delegate *delegate = calloc(1, sizeof(Delegate));
  delegate->Prepare = take;
  delegate->flags = 1; /* kTfLiteDelegateFlagsAllowDynamicTensors: asked before the operation must be known */
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) { free(delegate); }
