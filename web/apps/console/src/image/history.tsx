// What was done to an image, for those who may read the audit log.

import { AuditLog } from "../administration/audit";
import { useMe } from "../me";
import { words } from "../words";

export function History({ imageId }: { imageId: string }) {
  if (!useMe().may("MANAGE_USERS")) return null;
  return (
    <details>
      <summary>{words.history}</summary>
      <AuditLog targetId={imageId} />
    </details>
  );
}
