// Trees that tests make; npm run bench measures the large one too, so they are made there.

export { cells, fillTree, largeTree, makeTree, type Tree } from "../../scripts/bench/tree.ts";
