/* The module: `Known`, which is told about gradviz and makes calls, and `Call`, which is called like a function.
 *
 * A call looks like the function it stands before: as a method, in help(), pickled.
 */
#include "arrays.h"
#include "calls.h"

#define INTERFACE 3 /* what gradviz must ask for; see gradviz/core/accelerator.py */

/* ---------------------------------------------------------------------------------------------- the Python object */

static int
call_traverse(PyObject *self, visitproc visit, void *arg)
{
    Call *call = (Call *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(call->known);
    Py_VISIT(call->fallback);
    Py_VISIT(call->forward);
    Py_VISIT(call->op);
    Py_VISIT(call->prepare);
    Py_VISIT(call->node_type);
    Py_VISIT(call->number_type);
    Py_VISIT(call->push_alike);
    Py_VISIT(call->type_of);
    Py_VISIT(call->mark_view);
    Py_VISIT(call->settings);
    for (int i = 0; i < SETTINGS; i++) {
        Py_VISIT(call->defaults[i]);
    }
    return 0;
}

/* What a call is once the garbage collector has cleared it: a finaliser may still make it. */
static PyObject *
cleared(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    return leave((Call *)self, args, nargsf, kwnames);
}

static int
call_clear(PyObject *self)
{
    Call *call = (Call *)self;
    call->vectorcall = cleared;
    Py_CLEAR(call->prepare);
    Py_CLEAR(call->op);
    Py_CLEAR(call->push_alike);
    Py_CLEAR(call->type_of);
    Py_CLEAR(call->mark_view);
    Py_CLEAR(call->settings);
    for (int i = 0; i < SETTINGS; i++) {
        Py_CLEAR(call->defaults[i]);
    }
    Py_CLEAR(call->node_type);
    Py_CLEAR(call->number_type);
    return 0;
}

static void
call_dealloc(PyObject *self)
{
    Call *call = (Call *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (call->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    call_clear(self);
    Py_XDECREF(call->forward);
    Py_XDECREF(call->fallback);
    Py_XDECREF(call->word);
    Py_XDECREF(call->known);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
call_bind(PyObject *self, PyObject *instance, PyObject *owner)
{
    (void)owner;
    return instance == NULL || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}

/* A call looks like its function: what it has not itself is its function's, such as what was hung on it. */
static PyObject *
call_getattro(PyObject *self, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(self, name);
    if (found == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        found = PyObject_GetAttr(((Call *)self)->fallback, name);
    }
    return found;
}

static int
call_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    return PyObject_SetAttr(((Call *)self)->fallback, name, value);
}

static PyObject *
call_repr(PyObject *self)
{
    return PyObject_Repr(((Call *)self)->fallback);
}

static PyObject *
call_wrapped(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef(((Call *)self)->fallback);
}

/* What every class has, and so would hide the function's. */
static PyObject *
call_of_fallback(PyObject *self, void *name)
{
    return PyObject_GetAttrString(((Call *)self)->fallback, name);
}

/* Pickled and copied by name, as functions are. */
static PyObject *
call_reduce(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    return PyObject_GetAttrString(((Call *)self)->fallback, "__qualname__");
}

static PyMemberDef call_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Call, vectorcall), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Call, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
static PyGetSetDef call_getset[] = {
    {"__wrapped__", call_wrapped, NULL, "The Python function that this stands before.", NULL},
    {"__doc__", call_of_fallback, NULL, NULL, "__doc__"},
    {"__module__", call_of_fallback, NULL, NULL, "__module__"},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyMethodDef call_methods[] = {
    {"__reduce__", call_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot call_slots[] = {
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_descr_get, call_bind},
    {Py_tp_getattro, call_getattro},
    {Py_tp_setattro, call_setattro},
    {Py_tp_repr, call_repr},
    {Py_tp_members, call_members},
    {Py_tp_getset, call_getset},
    {Py_tp_methods, call_methods},
    {Py_tp_traverse, call_traverse},
    {Py_tp_clear, call_clear},
    {Py_tp_dealloc, call_dealloc},
    {0, NULL},
};
static PyType_Spec call_spec = {
    .name = "gradviz_accelerator.Call",
    .basicsize = sizeof(Call),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR |
             Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = call_slots,
};

/* --------------------------------------------------------------------------------------------------- making calls */

static Call *
new_call(Known *known, vectorcallfunc how, PyObject *fallback, PyObject *forward, PyObject *op)
{
    Call *call = (Call *)known->call_type->tp_alloc(known->call_type, 0);
    if (call != NULL) {
        call->vectorcall = how;
        call->known = (Known *)Py_NewRef((PyObject *)known);
        call->fallback = Py_NewRef(fallback);
        call->forward = Py_NewRef(forward);
        call->op = Py_NewRef(op);
        call->ruled = -1;
    }
    return call;
}

static PyObject *
known_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"fallback", "forward", "op", "prepare", "inputs", "same", "differentiable", "elementwise",
                            "keeps_type", "tensors_only", NULL};
    PyObject *fallback, *forward, *op, *prepare;
    int inputs, same, differentiable, elementwise, keeps_type, tensors_only;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$OOOOippppp:call", names, &fallback, &forward, &op, &prepare,
                                     &inputs, &same, &differentiable, &elementwise, &keeps_type, &tensors_only)) {
        return NULL;
    }
    if (inputs != 1 && inputs != 2) {
        return PyErr_Format(PyExc_ValueError, "an operation of %d inputs", inputs);
    }
    Call *call = new_call((Known *)self, inputs == 1 ? unary : binary, fallback, forward, op);
    if (call == NULL) {
        return NULL;
    }
    call->prepare = Py_NewRef(prepare);
    call->inputs = inputs;
    call->flags = (same ? SAME : 0) | (differentiable ? DIFFERENTIABLE : 0) | (elementwise ? ELEMENTWISE : 0) |
                  (keeps_type ? KEEPS_TYPE : 0) | (tensors_only ? TENSORS_ONLY : 0);
    find_loops(&call->loops, forward, inputs);
    return (PyObject *)call;
}

static PyObject *
known_any(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"fallback", "forward", "op", "prepare", "inputs", "settings", "defaults", "same",
                            "keeps_type", "mark_view", NULL};
    PyObject *fallback, *forward, *op, *prepare, *settings, *defaults, *mark_view;
    int inputs, same, keeps_type;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$OOOOiO!O!ppO:any", names, &fallback, &forward, &op, &prepare,
                                     &inputs, &PyTuple_Type, &settings, &PyDict_Type, &defaults, &same, &keeps_type,
                                     &mark_view)) {
        return NULL;
    }
    if (inputs < 1 || inputs > INPUTS || PyTuple_GET_SIZE(settings) > SETTINGS) {
        return PyErr_Format(PyExc_ValueError, "an operation of %d inputs and %zd settings", inputs,
                            PyTuple_GET_SIZE(settings));
    }
    Call *call = new_call((Known *)self, any, fallback, forward, op);
    if (call == NULL) {
        return NULL;
    }
    call->prepare = Py_NewRef(prepare);
    call->settings = Py_NewRef(settings);
    call->mark_view = Py_NewRef(mark_view);
    call->inputs = inputs;
    call->flags = (same ? SAME : 0) | (keeps_type ? KEEPS_TYPE : 0);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(settings); i++) {
        call->defaults[i] = Py_XNewRef(PyDict_GetItemWithError(defaults, PyTuple_GET_ITEM(settings, i)));
    }
    return (PyObject *)call;
}

static PyObject *
known_door(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"fallback", "behind", "closed", "word", NULL};
    PyObject *fallback, *behind, *closed, *word;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$OOOO:door", names, &fallback, &behind, &closed, &word)) {
        return NULL;
    }
    if (closed != Py_None && !PyList_CheckExact(closed)) {
        return PyErr_Format(PyExc_TypeError, "a door is closed by a list, not %R", closed);
    }
    Call *call = new_call((Known *)self, door, fallback, behind, closed);
    if (call != NULL) {
        call->word = Py_NewRef(word);
    }
    return (PyObject *)call;
}

static PyObject *
numpy_call(PyObject *self, PyObject *function, vectorcallfunc how)
{
    if (!PyObject_TypeCheck(function, &PyUFunc_Type) || ((PyUFuncObject *)function)->nin > 2) {
        return PyErr_Format(PyExc_TypeError, "%R is no function of NumPy of one or two arrays", function);
    }
    Call *call = new_call((Known *)self, how, function, function, Py_None);
    if (call != NULL) {
        call->inputs = ((PyUFuncObject *)function)->nin;
        find_loops(&call->loops, function, call->inputs);
    }
    return (PyObject *)call;
}

static PyObject *
known_loop(PyObject *self, PyObject *function)
{
    return numpy_call(self, function, of_numpy);
}

static PyObject *
known_into(PyObject *self, PyObject *function)
{
    return numpy_call(self, function, into);
}

static PyObject *
known_refit(PyObject *self, PyObject *args)
{
    PyObject *given, *forward;
    if (!PyArg_ParseTuple(args, "O!O:refit", ((Known *)self)->call_type, &given, &forward)) {
        return NULL;
    }
    Call *call = (Call *)given;
    if (call->vectorcall == door || call->vectorcall == of_numpy || call->vectorcall == into) {
        return PyErr_Format(PyExc_TypeError, "that has no forward");
    }
    if (call->vectorcall != any) {
        find_loops(&call->loops, forward, call->inputs);
    }
    Py_SETREF(call->forward, Py_NewRef(forward));
    Py_RETURN_NONE;
}

/* Functions on arrays; None where Python is to do it, and everywhere while the accelerator is switched off. */
static PyObject *
on_arrays(PyObject *self, PyObject *const *args, Py_ssize_t given, Py_ssize_t wanted,
          PyObject *(*function)(PyObject *const *))
{
    if (given != wanted) {
        return PyErr_Format(PyExc_TypeError, "%zd arguments, not %zd", given, wanted);
    }
    return ((Known *)self)->enabled ? function(args) : Py_NewRef(Py_None);
}

static PyObject *
known_relu_back(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    return on_arrays(self, args, given, 2, relu_back);
}

static PyObject *
known_pool_2x2(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    return on_arrays(self, args, given, 1, pool_2x2);
}

static PyObject *
known_pool_back(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    return on_arrays(self, args, given, 4, pool_back);
}

static PyMethodDef known_methods[] = {
    {"call", (PyCFunction)(void (*)(void))known_call, METH_VARARGS | METH_KEYWORDS,
     "What stands before the function of an operation of one or two tensors."},
    {"any", (PyCFunction)(void (*)(void))known_any, METH_VARARGS | METH_KEYWORDS,
     "The same for up to four tensors, some perhaps None, and settings."},
    {"door", (PyCFunction)(void (*)(void))known_door, METH_VARARGS | METH_KEYWORDS,
     "What stands before a function that only asks something and calls another: straight to that one while the list\n"
     "`closed` is empty (or None) and the keyword `word` is not given."},
    {"loop", known_loop, METH_O, "A function of NumPy that may be given an input once more, to be written into."},
    {"into", known_into, METH_O, "A function of NumPy that is given the array its result goes into."},
    {"refit", known_refit, METH_VARARGS, "Let a call compute with another forward."},
    {"relu_back", (PyCFunction)(void (*)(void))known_relu_back, METH_FASTCALL,
     "(y, s) -> the gradient of relu's input from that of its result s, arrays of float32; None for any others."},
    {"pool_2x2", (PyCFunction)(void (*)(void))known_pool_2x2, METH_FASTCALL,
     "(x) -> (out, indices) of max pooling pictures of float32 by windows of 2 x 2; None for any other array."},
    {"pool_back", (PyCFunction)(void (*)(void))known_pool_back, METH_FASTCALL,
     "(y, indices, shape, overlap) -> the gradient of the pictures; None for any other array."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot known_slots[] = {
    {Py_tp_doc, "What is known of gradviz, and the maker of calls."},
    {Py_tp_new, known_new},
    {Py_tp_members, known_members},
    {Py_tp_methods, known_methods},
    {Py_tp_traverse, known_traverse},
    {Py_tp_clear, known_clear},
    {Py_tp_dealloc, known_dealloc},
    {0, NULL},
};
static PyType_Spec known_spec = {
    .name = "gradviz_accelerator.Known",
    .basicsize = sizeof(Known),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = known_slots,
};

/* ------------------------------------------------------------------------------------------------------- the module */

typedef struct {
    PyTypeObject *call_type; /* first: known.h reads it */
} State;

static int
module_exec(PyObject *module)
{
    if (PyArray_ImportNumPyAPI() < 0 || PyUFunc_ImportUFuncAPI() < 0 || find_descriptors() < 0) {
        return -1;
    }
    State *state = PyModule_GetState(module);
    state->call_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &call_spec, NULL);
    PyObject *known = state->call_type == NULL ? NULL : PyType_FromModuleAndSpec(module, &known_spec, NULL);
    if (known == NULL) {
        return -1;
    }
    int failed = PyModule_AddObjectRef(module, "Known", known) < 0 ||
                 PyModule_AddObjectRef(module, "Call", (PyObject *)state->call_type) < 0 ||
                 PyModule_AddIntConstant(module, "INTERFACE", INTERFACE) < 0;
    Py_DECREF(known);
    return failed ? -1 : 0;
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    Py_VISIT(state->call_type);
    return 0;
}

static int
module_clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->call_type);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED}, /* as NumPy */
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_USED}, /* slots are read without a lock of their own */
#endif
    {0, NULL},
};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gradviz_accelerator",
    .m_doc = "Small calls of gradviz, compiled. gradviz uses this where it is; there is nothing to call here.",
    .m_size = sizeof(State),
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC
PyInit_gradviz_accelerator(void)
{
    return PyModuleDef_Init(&module);
}
