// Text inside XML, which SVG and JUnit's reports are.

/** Of an element or of an attribute in double quotes. What XML 1.0 has no way to write becomes U+FFFD. */
export function escapeXml(content: string): string {
  return content
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd]/g, "\ufffd");
}
