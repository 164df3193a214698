// Categories, and what each accepts.

import { useQuery } from "@apollo/client/react";
import { useState } from "react";
import { Button } from "react-aria-components";

import { graphql } from "../gql";
import type { ManagedCategoriesQuery } from "../gql/graphql";
import { useAction } from "../parts/action";
import { Answered } from "../parts/feedback";
import { ActionForm, Field, type Written } from "../parts/fields";
import { Tick } from "../parts/tick";
import { words } from "../words";
import { sizeInWords } from "../words/numbers";

const CATEGORIES = graphql(`
  query ManagedCategories {
    categories(includeInactive: true) {
      id
      name
      description
      maxFileSize
      allowedExtensions
      isActive
      isRestricted
    }
  }
`);
const CREATE = graphql(`
  mutation CreateCategory($input: CreateCategoryInput!) {
    createCategory(input: $input) {
      category {
        id
      }
      userErrors {
        message
      }
    }
  }
`);
const UPDATE = graphql(`
  mutation UpdateCategory($input: UpdateCategoryInput!) {
    updateCategory(input: $input) {
      category {
        id
      }
      userErrors {
        message
      }
    }
  }
`);
const MEGABYTE = 1_000_000;

type Category = ManagedCategoriesQuery["categories"][number];

export default function Categories() {
  const answer = useQuery(CATEGORIES, { fetchPolicy: "cache-and-network" });
  const create = useAction(CREATE, ["ManagedCategories"]);
  const [edited, setEdited] = useState<string | null>(null);
  return (
    <section>
      <h1>{words.categories}</h1>
      <Answered of={answer}>
        {({ categories }) => (
          <ul className="list" aria-label={words.categories}>
            {categories.map((category) => (
              <li key={category.id}>
                {edited === category.id ? (
                  <Edit category={category} onDone={() => setEdited(null)} />
                ) : (
                  <>
                    <Facts category={category} />
                    <span className="actions">
                      <Button aria-label={words.editIt(category.name)} onPress={() => setEdited(category.id)}>
                        {words.edit}
                      </Button>
                    </span>
                  </>
                )}
              </li>
            ))}
          </ul>
        )}
      </Answered>
      <h2>{words.newCategory}</h2>
      <ActionForm label={words.create} action={create} input={writtenAs}>
        <Fields />
      </ActionForm>
    </section>
  );
}

function Facts({ category: { name, description, maxFileSize, allowedExtensions, isActive } }: { category: Category }) {
  return (
    <span>
      <strong>{name}</strong> {description}
      <br />
      <span className="quiet">
        {words.accepted(allowedExtensions.join(", "), sizeInWords(maxFileSize))}. {words.takesUploads}: {isActive ? words.yes : words.no}
      </span>
    </span>
  );
}

function Edit({ category, onDone }: { category: Category; onDone: () => void }) {
  const update = useAction(UPDATE, ["ManagedCategories"]);
  return (
    <ActionForm label={words.save} action={update} input={(form) => ({ categoryId: category.id, ...writtenAs(form) })} onDone={onDone}>
      <Fields category={category} />
    </ActionForm>
  );
}

function Fields({ category }: { category?: Category }) {
  return (
    <>
      <Field name="name" label={words.name} isRequired maxLength={100} defaultValue={category?.name ?? ""} />
      <Field name="description" label={words.description} defaultValue={category?.description ?? ""} />
      <Field
        name="extensions"
        label={words.extensions}
        defaultValue={category?.allowedExtensions.join(", ") ?? "jpg, jpeg, png, webp"}
        isRequired
      />
      <Field
        name="megabytes"
        label={words.maxMegabytes}
        inputMode="decimal"
        pattern="[0-9]+([.][0-9]+)?"
        isRequired
        defaultValue={String((category?.maxFileSize ?? 10 * MEGABYTE) / MEGABYTE)}
      />
      <Tick name="active" defaultChecked={category?.isActive ?? true}>
        {words.takesUploads}
      </Tick>
    </>
  );
}

const writtenAs = (form: Written) => ({
  name: form.text("name"),
  description: form.text("description"),
  allowedExtensions: form.list("extensions"),
  maxFileSize: Math.round(Number(form.text("megabytes")) * MEGABYTE),
  isActive: form.has("active"),
});
