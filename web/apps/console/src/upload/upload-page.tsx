// Many files at once, each with what becomes of it.

import { useQuery } from "@apollo/client/react";
import { UploadDropzone, useUploads } from "@darkroom/react";
import { useState } from "react";

import { graphql } from "../gql";
import { Choice } from "../parts/choice";
import { Answered } from "../parts/feedback";
import { words } from "../words";
import { sizeInWords } from "../words/numbers";
import { UploadRow } from "./upload-row";

const CATEGORIES = graphql(`
  query Categories {
    categories {
      id
      name
      maxFileSize
      allowedExtensions
    }
  }
`);

export default function UploadPage() {
  const answer = useQuery(CATEGORIES);
  const [chosen, setChosen] = useState<string | null>(null);
  const { uploads, add, remove } = useUploads();
  return (
    <section className="upload">
      <h1>{words.upload}</h1>
      <Answered of={answer}>
        {({ categories }) => {
          const category = categories.find(({ id }) => id === chosen) ?? categories[0];
          return (
            category && (
              <>
                <Choice label={words.category} options={categories} value={category.id} onChange={setChosen} />
                <UploadDropzone
                  className="dropzone"
                  label={words.chooseFiles}
                  folderLabel={words.chooseFolder}
                  onFiles={(files) => void add(files, { categoryId: category.id })}
                >
                  <p>{words.orDrop}</p>
                  <p className="quiet">{words.accepted(category.allowedExtensions.join(", "), sizeInWords(category.maxFileSize))}</p>
                </UploadDropzone>
              </>
            )
          );
        }}
      </Answered>
      <ul className="uploads" aria-label={words.uploads}>
        {uploads.map((upload) => (
          <UploadRow key={upload.id} upload={upload} onRemove={remove} />
        ))}
      </ul>
    </section>
  );
}
