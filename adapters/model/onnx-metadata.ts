/** Field of ModelProto that holds the metadata, and those of its entries (onnx.proto3). */
const METADATA_FIELD = 14;
const KEY_FIELD = 1;
const VALUE_FIELD = 2;

/**
 * Reads the metadata of an ONNX file: the runtime for Node does not give it. Only the outermost message is walked.
 * @throws RangeError when the bytes are not a protobuf message.
 */
export function readOnnxMetadata(bytes: Uint8Array): ReadonlyMap<string, string> {
  const entries = messagesIn(bytes).filter((message) => message.field === METADATA_FIELD);
  return new Map(
    entries.map(({ content }) => {
      const parts = new Map(messagesIn(content).map((part) => [part.field, new TextDecoder().decode(part.content)]));
      return [parts.get(KEY_FIELD) ?? '', parts.get(VALUE_FIELD) ?? ''];
    }),
  );
}

interface LengthDelimited {
  readonly field: number;
  readonly content: Uint8Array;
}

/** The length-delimited fields of a message, in order; fields of other kinds are stepped over. */
function messagesIn(bytes: Uint8Array): readonly LengthDelimited[] {
  const found: LengthDelimited[] = [];
  let position = 0;
  while (position < bytes.length) {
    const tag = varint();
    const wireType = tag % 8;
    if (wireType === 0) varint();
    else if (wireType === 1) position += 8;
    else if (wireType === 5) position += 4;
    else if (wireType === 2) {
      const length = varint();
      if (position + length > bytes.length) throw new RangeError('a field reaches beyond the end of the file');
      found.push({ field: Math.floor(tag / 8), content: bytes.subarray(position, position + length) });
      position += length;
    } else throw new RangeError(`wire type ${wireType} is not known`);
  }
  return found;

  function varint(): number {
    let value = 0;
    for (let shift = 0; shift < 10; shift += 1) {
      const byte = bytes[position];
      if (byte === undefined) throw new RangeError('the file ends in the middle of a number');
      position += 1;
      value += (byte % 128) * 128 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError('a number is longer than ten bytes');
  }
}
