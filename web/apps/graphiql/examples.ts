// The tabs that are open at the first visit. Each runs as it is.

type Tab = { query: string; variables?: string };

/** What stands for a category until somebody has signed in. */
const NO_CATEGORY = "00000000-0000-7000-8000-000000000000";
/** Where GraphiQL keeps the tabs from visit to visit, and the variables of the open one once more. */
const KEPT = ["graphiql:tabState", "graphiql:variables"];

/** Puts a category into tabs that were kept from before somebody signed in. */
export function fillIn(categoryId: string): void {
  for (const key of KEPT) {
    const kept = localStorage.getItem(key);
    if (kept?.includes(NO_CATEGORY)) localStorage.setItem(key, kept.replaceAll(NO_CATEGORY, categoryId));
  }
}

export function examples(categoryId: string | null | undefined): Tab[] {
  return [
    {
      query: `# Press the button, or Ctrl-Enter, to run this.
# Without a token you are nobody: sign in above, or
# paste what \`darkroom token you@example.com\` prints.
query WhoAmI {
  me {
    email
    isAdmin
    permissions
  }
}
`,
    },
    {
      query: `# Live: run this, then upload something.
# Every event is the whole state of one upload.
subscription WatchMyUploads {
  myUploads {
    status
    percent
    variantsReady
    variantsTotal
    image {
      id
      originalFilename
    }
    variant {
      type
      url
    }
  }
}
`,
    },
    {
      query: `# Where and how to send one file: post the fields
# in their order as multipart/form-data, then the
# file as "file", then run completeUpload.
mutation AskForATicket($input: RequestUploadInput!) {
  requestUpload(input: $input) {
    upload {
      image {
        id
        status
      }
      url
      expiresAt
      fields {
        name
        value
      }
    }
    userErrors {
      code
      field
      message
    }
  }
}
`,
      variables: JSON.stringify(
        {
          input: {
            filename: "holiday.jpg",
            contentType: "image/jpeg",
            fileSize: 3753621,
            categoryId: categoryId ?? NO_CATEGORY,
          },
        },
        null,
        2,
      ),
    },
    {
      query: `query WhatMayBeUploaded {
  categories {
    id
    name
    maxFileSize
    allowedExtensions
  }
}
`,
    },
    {
      query: `query NewestImages {
  images(first: 10, filter: { status: [PENDING, UPLOADING, PROCESSING, COMPLETED, FAILED] }) {
    totalCount
    nodes {
      id
      status
      originalFilename
      width
      height
      variant(type: SMALL) {
        url
      }
      failure {
        code
        message
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    },
  ];
}
