// A button for what cannot be undone: it asks first.

import type { ReactNode } from "react";
import { Button, Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from "react-aria-components";

import { words } from "../words";

type ConfirmProps = { label: string; name?: string; explanation?: ReactNode; onConfirm: () => void };

/** `name` is for screen readers, where several buttons have the same label. */
export default function Confirm({ label, name = label, explanation, onConfirm }: ConfirmProps) {
  return (
    <DialogTrigger>
      <Button aria-label={name}>{label}</Button>
      <ModalOverlay className="overlay" isDismissable>
        <Modal className="modal">
          <Dialog role="alertdialog">
            {({ close }) => (
              <>
                <Heading slot="title">{name}?</Heading>
                {explanation}
                <div className="actions">
                  <Button onPress={close}>{words.cancel}</Button>
                  <Button
                    className="primary"
                    onPress={() => {
                      close();
                      onConfirm();
                    }}
                  >
                    {label}
                  </Button>
                </div>
              </>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}
