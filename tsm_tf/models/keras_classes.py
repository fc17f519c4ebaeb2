"""The Keras classes and names that a file may use. Everything else in its JSON is plain data.

The lists contain what computes on tensors. They leave out layers that run functions or other
programs (`Lambda`, `TFSMLayer`, `JaxLayer`, `TorchModuleWrapper`, ...), layers that read files
(`StringLookup`, `TextVectorization`, ...), and operations that take functions (`Map`, `Cond`, ...).
"""

_LAYERS = """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D Add AdditiveAttention AlphaDropout Attention
    AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization
    Bidirectional CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
    Conv3DTranspose ConvLSTM1D ConvLSTM2D Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D
    DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Equalization Flatten GRU
    GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization GroupQueryAttention Identity InputLayer LSTM LayerNormalization LeakyReLU
    Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MultiHeadAttention Multiply
    Normalization PReLU Permute RMSNormalization RandomBrightness RandomColorDegeneration
    RandomColorJitter RandomContrast RandomCrop RandomErasing RandomFlip RandomGaussianBlur
    RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation
    RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom ReLU RepeatVector
    Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SimpleRNN Softmax Solarization
    SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization Subtract
    ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D
    ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""

_INITIALIZERS = """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal
    LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal
    VarianceScaling Zeros
"""

_REGULARIZERS = "L1 L1L2 L2 OrthogonalRegularizer"
_CONSTRAINTS = "MaxNorm MinMaxNorm NonNeg UnitNorm"

_NUMPY_OPS = """
    Abs Absolute Add Amax Amin Average BroadcastTo Ceil Clip Concatenate Cos Cumsum Diff Divide
    DivideNoNan Dot Einsum Equal Exp ExpandDims Expm1 Flip Floor FloorDivide GetItem Greater
    GreaterEqual Hstack Less LessEqual Log Log1p Log2 LogicalAnd LogicalNot LogicalOr Matmul Max
    Maximum Mean Median Min Minimum Mod Moveaxis Multiply NanToNum Negative NotEqual OnesLike Pad
    Power Prod Ravel Reciprocal Repeat Reshape Roll Rot90 Round Sign Sin Split Sqrt Square Squeeze
    Stack Std Subtract Sum Swapaxes Take TakeAlongAxis Tanh Tensordot Tile Transpose TrueDivide Var
    Vstack Where ZerosLike
"""

_NN_OPS = """
    AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm Celu Conv ConvTranspose DepthToSpace
    DepthwiseConv DotProductAttention Elu Fold Gelu Glu HardShrink HardSigmoid HardSilu HardTanh
    LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool Moments Normalize OneHot RMSNorm Relu Relu6
    Selu SeparableConv Sigmoid Silu SoftShrink Softmax Softplus Softsign SpaceToDepth SparsePlus
    SparseSigmoid Sparsemax Squareplus TanhShrink Threshold Unfold
"""

CLASSES = {
    # module in the JSON: the classes that a file may name there
    "keras.layers": frozenset(_LAYERS.split()),
    "keras.initializers": frozenset(_INITIALIZERS.split()),
    "keras.regularizers": frozenset(_REGULARIZERS.split()),
    "keras.constraints": frozenset(_CONSTRAINTS.split()),
    "keras": frozenset({"DTypePolicy"}),
    "keras.dtype_policies": frozenset({"DTypePolicy"}),
    "keras.random": frozenset({"SeedGenerator"}),
    "keras.src.random.seed_generator": frozenset({"SeedGenerator"}),
    "keras.src.ops.numpy": frozenset(_NUMPY_OPS.split()),
    "keras.src.ops.nn": frozenset(_NN_OPS.split()),
    "keras.src.ops.core": frozenset({"Cast", "Slice", "StopGradient", "Unstack"}),
    "keras.src.ops.math": frozenset({"Erf", "Logsumexp", "Rsqrt", "TopK"}),
    "keras.src.ops.image": frozenset({"CropImages", "PadImages", "RGBToGrayscale", "Resize"}),
    "keras.src.applications.convnext": frozenset({"LayerScale"}),
    "keras.src.applications.inception_resnet_v2": frozenset({"CustomScaleLayer"}),
}

MODELS = {
    # class in the JSON, whatever its module: where today's Keras has it
    "Functional": ("keras.src.models.functional", "Functional"),
    "Model": ("keras.src.models.functional", "Functional"),
    "Sequential": ("keras", "Sequential"),
}

UNNAMED_MODULES = (
    # where classes without a module are looked up; older `.h5` files have no modules
    "keras.layers",
    "keras.initializers",
    "keras.regularizers",
    "keras.constraints",
)

CONSTANTS = frozenset({"__keras_tensor__", "__tensor__", "__numpy__", "__slice__", "__ellipsis__"})
"""Names under which Keras writes constants, and tensors in calls."""

_ACTIVATIONS = """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu
    linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus
    softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
"""

_INITIALIZER_NAMES = """
    constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal lecun_uniform
    normal one ones orthogonal random_normal random_uniform truncated_normal uniform
    variance_scaling zero zeros
"""

_DTYPES = """
    float16 float32 float64 bfloat16 mixed_float16 mixed_bfloat16
    int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool
"""

NAMES = {
    # end of a key: the strings that may stand there, because Keras looks them up
    "activation": frozenset(_ACTIVATIONS.split()),
    "initializer": frozenset((_INITIALIZERS + _INITIALIZER_NAMES).split()),
    "regularizer": frozenset((_REGULARIZERS + " l1 l2 l1l2 l1_l2 orthogonal_regularizer").split()),
    "constraint": frozenset(
        (_CONSTRAINTS + " max_norm min_max_norm non_neg unit_norm").split(),
    ),
    "dtype": frozenset(_DTYPES.split()),
}
