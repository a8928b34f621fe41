// node make_parquet.mjs FOLDER VALUE ROW: Parquet files of 3,000 rows as another program writes them, one for each compression, with a
// value in the column "text" at that row.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";

const [folder, value, row] = process.argv.slice(2);
const text = Array.from({ length: 3000 }, (_, number) => `row ${number} tells of rivers and gardens`);
text[Number(row) - 1] = value;
const columnData = [
  { name: "id", data: text.map((_, number) => number), type: "INT32" },
  { name: "text", data: text, type: "STRING" },
  { name: "label", data: text.map((_, number) => ["cat", "dog"][number % 2]), type: "STRING" },
];
for (const codec of ["UNCOMPRESSED", "SNAPPY", "GZIP"]) {
  const bytes = parquetWriteBuffer({ columnData, codec, compressors: { GZIP: (page) => gzipSync(page) } });
  writeFileSync(join(folder, `${codec.toLowerCase()}.parquet`), new Uint8Array(bytes));
}
