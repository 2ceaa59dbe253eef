/**
 * Writes an ONNX file: the few protobuf messages that a small graph needs (field numbers of onnx.proto3). No library
 * writes ONNX from Node, and bytes that we write ourselves are the same every time, so the file's hash is a fact about
 * the training and not about a library's version.
 */
const IR_VERSION = 8;
const OPSET = 17;
const FLOAT = 1;

const VARINT = 0;
const BYTES = 2;

/** Attributes are left out: every operator used here keeps its defaults. */
export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly input: { readonly name: string; readonly width: number };
  readonly output: { readonly name: string; readonly width: number };
  readonly constants: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>>;
  readonly nodes: readonly OnnxNode[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The bytes of an ONNX model (IR 8, opset 17, float32, batches of any size). */
export function encodeOnnx(graph: OnnxGraph): Uint8Array {
  const encodedGraph = joined(
    ...graph.nodes.map((node) => message(1, encodeNode(node))),
    text(2, graph.name),
    ...Object.entries(graph.constants).map(([name, constant]) =>
      message(
        5,
        joined(
          ...constant.shape.map((size) => integer(1, size)),
          integer(2, FLOAT),
          text(8, name),
          message(9, littleEndianFloats(constant.values)),
        ),
      ),
    ),
    message(11, encodeValue(graph.input)),
    message(12, encodeValue(graph.output)),
  );
  return joined(
    integer(1, IR_VERSION),
    text(2, 'keelson'),
    message(7, encodedGraph),
    message(8, joined(text(1, ''), integer(2, OPSET))),
    ...Object.entries(graph.metadata).map(([key, value]) => message(14, joined(text(1, key), text(2, value)))),
  );
}

function encodeNode(node: OnnxNode): Uint8Array {
  return joined(...node.inputs.map((name) => text(1, name)), ...node.outputs.map((name) => text(2, name)), text(4, node.operator));
}

/** A float tensor of shape [batch, width]. */
function encodeValue(value: { readonly name: string; readonly width: number }): Uint8Array {
  const shape = joined(message(1, text(2, 'batch')), message(1, integer(1, value.width)));
  return joined(text(1, value.name), message(2, message(1, joined(integer(1, FLOAT), message(2, shape)))));
}

function integer(field: number, value: number): Uint8Array {
  return joined(tag(field, VARINT), varint(value));
}

function text(field: number, value: string): Uint8Array {
  return message(field, new TextEncoder().encode(value));
}

function message(field: number, content: Uint8Array): Uint8Array {
  return joined(tag(field, BYTES), varint(content.length), content);
}

function tag(field: number, wireType: number): Uint8Array {
  return varint(field * 8 + wireType);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.from([...bytes, rest]);
}

function littleEndianFloats(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, index) => view.setFloat32(4 * index, value, true));
  return new Uint8Array(view.buffer);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
